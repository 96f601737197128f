/* Tables for people: columns as wide as what is in them, cut to a line of the terminal with "…", never wrapped. */
#ifndef CMAW_CLIENT_TABLE_H
#define CMAW_CLIENT_TABLE_H

#include <stdbool.h>

#include "lib/base/bytes.h"

enum { CMAW_TABLE_COLUMNS_MAX = 8 };

struct cmaw_table_column {
    const char *title;
    size_t min;   /* columns of the screen that it keeps when the line is too long; 0: all that it has */
    bool numbers; /* to the right */
};
/* Cells are row by row, count * columns NUL-terminated texts of well-formed UTF-8, borrowed. */
struct cmaw_table {
    const struct cmaw_table_column *columns;
    size_t column_count;
    const char *const *cells;
    size_t row_count;
};

/* Widths that fit a line of width (0: as long as they are), two spaces between columns: the widest column that may shrink gives way first. */
void cmaw_table_fit(const struct cmaw_table *table, size_t width, size_t ret_widths[static CMAW_TABLE_COLUMNS_MAX]);
/* Appends one line without its end: row index, or the titles with SIZE_MAX. What is no printable character becomes '?'. The line is never
 * wider than width, whatever the columns want. */
void cmaw_table_row(const struct cmaw_table *table, const size_t widths[static CMAW_TABLE_COLUMNS_MAX], size_t row, size_t width, struct cmaw_buf *buf);
/* Prints titles and rows on standard output, fitted to the terminal; in full where it is none. IO. */
enum cmaw_err cmaw_table_print(const struct cmaw_table *table);
/* Appends text broken at spaces into lines of at most width (0: one line), each after indent spaces. */
void cmaw_text_wrap(const char *text, size_t indent, size_t width, struct cmaw_buf *buf);

#endif
