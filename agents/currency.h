/* The currencies that the example agents know: ISO 4217 code and digits of the minor unit. */
#ifndef CMAW_AGENTS_CURRENCY_H
#define CMAW_AGENTS_CURRENCY_H

#include "lib/base/bytes.h"

/* Digits after the point, or -1 for a code that is not known. */
int cmaw_currency_digits(const char *code);
/* The code for what people write, in lower case: "eur", "€", "euros", "pounds sterling", "us$". NULL if it means none. */
const char *cmaw_currency_of_word(struct cmaw_slice word);

#endif
