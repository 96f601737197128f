/* Reads one date in the forms that people write. */
#ifndef CMAW_AGENTS_INTAKE_DATESCAN_H
#define CMAW_AGENTS_INTAKE_DATESCAN_H

#include "agents/calendar.h"
#include "agents/intake/letter.h"

struct cmaw_written_date {
    struct cmaw_date date;    /* day first where both readings exist; year 0 where none is written */
    struct cmaw_date swapped; /* the month-first reading; year 0 where there is only one */
    struct cmaw_span span;
};

/* The date that starts at a position: 2026-01-14, 14.01.2026, 14/1/26, 01/14/2026, 14th of January 2026, 14 Jan, January
 * 14, 2026. False if none does. */
bool cmaw_written_date_at(const struct cmaw_letter *letter, size_t at, struct cmaw_written_date *ret_date);

#endif
