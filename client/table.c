#include "client/table.h"

#include <stdio.h>
#include <string.h>

#include "client/terminal.h"

enum { GAP = 2, LINE_MAX_BYTES = 64 * 1024 };

static const char ellipsis[] = "…";

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Columns of the screen: one for each character. Names are ASCII here; what is wider may only look ragged. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += !continues(*text);
    }
    return width;
}

static const char *cell_at(const struct cmaw_table *table, size_t row, size_t column)
{
    return row == SIZE_MAX ? table->columns[column].title : table->cells[row * table->column_count + column];
}

static size_t natural_width(const struct cmaw_table *table, size_t column)
{
    size_t width = text_width(table->columns[column].title);
    for (size_t row = 0; row < table->row_count; row++) {
        const size_t cell = text_width(cell_at(table, row, column));
        width = cell > width ? cell : width;
    }
    return width;
}

/* The widest that may shrink; column_count: none. */
static size_t widest(const struct cmaw_table *table, const size_t *widths)
{
    size_t found = table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        const size_t min = table->columns[i].min;
        if (min > 0 && widths[i] > min && (found == table->column_count || widths[i] >= widths[found])) {
            found = i;
        }
    }
    return found;
}

void cmaw_table_fit(const struct cmaw_table *table, size_t width, size_t ret_widths[static CMAW_TABLE_COLUMNS_MAX])
{
    size_t sum = (table->column_count - 1) * GAP;
    for (size_t i = 0; i < table->column_count; i++) {
        ret_widths[i] = natural_width(table, i);
        sum += ret_widths[i];
    }
    while (width > 0 && sum > width) {
        const size_t column = widest(table, ret_widths);
        if (column == table->column_count) {
            return;
        }
        ret_widths[column]--;
        sum--;
    }
}

static void put_spaces(struct cmaw_buf *buf, size_t count)
{
    for (; count > 0; count--) {
        cmaw_buf_put_u8(buf, ' ');
    }
}

/* At most width characters; the last is "…" where some are left out. */
static void put_cut(struct cmaw_buf *buf, const char *text, size_t width)
{
    const bool cut = text_width(text) > width;
    size_t left = cut && width > 0 ? width - 1 : width;
    for (; *text != '\0' && (left > 0 || continues(*text)); text++) {
        left -= !continues(*text);
        cmaw_buf_put_u8(buf, ((unsigned char)*text < 0x20 || *text == 0x7f) ? '?' : (uint8_t)*text);
    }
    if (cut && width > 0) {
        cmaw_buf_put_cstr(buf, ellipsis);
    }
}

static void put_cell(struct cmaw_buf *buf, const char *text, size_t width, bool numbers, bool last)
{
    const size_t used = text_width(text) < width ? text_width(text) : width;
    put_spaces(buf, numbers ? width - used : 0);
    put_cut(buf, text, width);
    put_spaces(buf, numbers || last ? 0 : width - used);
}

void cmaw_table_row(const struct cmaw_table *table, const size_t widths[static CMAW_TABLE_COLUMNS_MAX], size_t row, size_t width, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(line, LINE_MAX_BYTES);
    for (size_t i = 0; i < table->column_count; i++) {
        put_spaces(&line, i > 0 ? GAP : 0);
        put_cell(&line, cell_at(table, row, i), widths[i], table->columns[i].numbers, i + 1 == table->column_count);
    }
    while (line.size > 0 && line.data[line.size - 1] == ' ') {
        line.size--; /* of empty last cells */
    }
    cmaw_buf_put_u8(&line, '\0');
    if (line.err != CMAW_OK) {
        buf->err = line.err;
        return;
    }
    put_cut(buf, (const char *)line.data, width == 0 ? SIZE_MAX : width);
}

enum cmaw_err cmaw_table_print(const struct cmaw_table *table)
{
    size_t widths[CMAW_TABLE_COLUMNS_MAX];
    const size_t width = cmaw_terminal_width(1);
    cmaw_table_fit(table, width, widths);
    for (size_t i = 0; i <= table->row_count; i++) {
        CMAW_BUF_AUTO(line, LINE_MAX_BYTES);
        cmaw_table_row(table, widths, i == 0 ? SIZE_MAX : i - 1, width, &line);
        cmaw_buf_put_u8(&line, '\n');
        CMAW_TRY(line.err);
        CMAW_REQUIRE(fwrite(line.data, 1, line.size, stdout) == line.size, CMAW_E_IO);
    }
    return CMAW_OK;
}

void cmaw_text_wrap(const char *text, size_t indent, size_t width, struct cmaw_buf *buf)
{
    size_t column = 0;
    while (*text != '\0') {
        char word[LINE_MAX_BYTES / 64];
        const size_t size = strcspn(text, " ");
        (void)snprintf(word, sizeof word, "%.*s", (int)(size < sizeof word ? size : sizeof word - 1), text);
        if (column > 0 && width > 0 && column + 1 + text_width(word) > width) {
            cmaw_buf_put_u8(buf, '\n');
            column = 0;
        }
        put_spaces(buf, column == 0 ? indent : 1);
        column += (column == 0 ? indent : 1) + text_width(word);
        put_cut(buf, word, SIZE_MAX);
        text += size < sizeof word ? size : sizeof word - 1;
        text += strspn(text, " ");
    }
    cmaw_buf_put_u8(buf, '\n');
}
