/* Reads one amount of money in the forms that people write. */
#ifndef CMAW_AGENTS_INTAKE_MONEY_H
#define CMAW_AGENTS_INTAKE_MONEY_H

#include "agents/intake/facts.h"

/* The amount whose number starts at a position, with its currency before or behind: EUR 2,840.50; 2.840,50 €; £12k;
 * CHF 1'250.-; 3 500 euros. False if there is no number or no currency beside it. The role is left to the caller. */
bool cmaw_money_at(const struct cmaw_letter *letter, size_t at, struct cmaw_fact_amount *ret_amount);

#endif
