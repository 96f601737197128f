#include "agents/currency.h"

#include <string.h>

static const struct {
    const char *code;
    int digits;
    const char *words[10];
} currencies[] = {
    {"EUR", 2, {"eur", "\xe2\x82\xac", "euro", "euros"}},
    {"USD", 2, {"usd", "us$", "$", "us dollars", "us dollar", "dollars", "dollar"}},
    {"GBP", 2, {"gbp", "\xc2\xa3", "pounds sterling", "pounds", "pound", "quid"}},
    {"CHF", 2, {"chf", "sfr.", "fr.", "swiss francs", "swiss franc", "francs"}},
    {"JPY", 0, {"jpy", "\xc2\xa5", "yen"}},
    {"SEK", 2, {"sek", "swedish kronor", "swedish krona"}},
    {"NOK", 2, {"nok", "norwegian kroner"}},
    {"DKK", 2, {"dkk", "danish kroner"}},
    {"PLN", 2, {"pln", "z\xc5\x82", "zloty", "zlotys"}},
    {"CZK", 2, {"czk", "czech crowns"}},
    {"CAD", 2, {"cad", "ca$", "c$", "canadian dollars"}},
    {"AUD", 2, {"aud", "au$", "a$", "australian dollars"}},
    {"KWD", 3, {"kwd", "kuwaiti dinars", "kuwaiti dinar"}},
    {"INR", 2, {"inr", "\xe2\x82\xb9", "rupees"}},
};

int cmaw_currency_digits(const char *code)
{
    for (size_t i = 0; i < sizeof currencies / sizeof currencies[0]; i++) {
        if (strcmp(currencies[i].code, code) == 0) {
            return currencies[i].digits;
        }
    }
    return -1;
}

const char *cmaw_currency_of_word(struct cmaw_slice word)
{
    for (size_t i = 0; i < sizeof currencies / sizeof currencies[0]; i++) {
        for (size_t j = 0; j < 10 && currencies[i].words[j] != NULL; j++) {
            if (cmaw_slice_eq_cstr(word, currencies[i].words[j])) {
                return currencies[i].code;
            }
        }
    }
    return NULL;
}
