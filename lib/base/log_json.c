#include "lib/base/log_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

/* With formats of this length at most, a line cannot become longer than CMAW_LOG_JSON_MAX: every value byte twice, and six bytes around a field. */
enum { FORMAT_MAX = 512, TAIL = 3 };

/* The line in the making. */
struct line {
    char *text;
    size_t used;
};

/* One field of the format: [begin, end), its key and where its value begins. */
struct field {
    const char *begin, *end, *value;
    int key_size;
    bool quoted;
};

static void put(struct line *line, const char *text, size_t size)
{
    if (size <= CMAW_LOG_JSON_MAX - TAIL - line->used) {
        memcpy(line->text + line->used, text, size);
        line->used += size;
    }
}

static void put_cstr(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_escaped(struct line *line, const char *text, size_t size)
{
    const bool utf8 = cmaw_utf8_valid(cmaw_slice_of(text, size));
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\') {
            put(line, "\\", 1);
        }
        put(line, byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8) ? "?" : &text[i], 1);
    }
}

/* The next word of the format with its key, if it has one; quotes that stand in the format hold words together. */
static bool next_field(const char *at, struct field *ret_field)
{
    at += strspn(at, " ");
    struct field field = {.begin = at, .value = at};
    const size_t key = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (key > 0 && at[key] == '=') {
        field.key_size = (int)key;
        field.value = at + key + 1;
        field.quoted = *field.value == '"';
    }
    const char *end = field.quoted ? strchr(field.value + 1, '"') : NULL;
    field.end = end != NULL ? end + 1 : field.value + (field.key_size > 0 ? strcspn(field.value, " ") : strlen(at));
    *ret_field = field;
    return field.end > field.begin;
}

/* "%u", "%llu", "%zu", "%d", …: nothing else is in the value. */
static bool is_number(const struct field *field)
{
    const size_t size = (size_t)(field->end - field->value);
    return size >= 2 && field->value[0] == '%' && strspn(field->value + 1, "lzhj") == size - 2 && strchr("uid", field->end[-1]) != NULL;
}

/* A part of a format that was checked where it is written is no literal. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* How many characters the format gives up to a point in it. */
static size_t width_until(const char *format, const char *point, va_list args)
{
    char part[FORMAT_MAX];
    va_list copy;
    (void)snprintf(part, sizeof part, "%.*s", (int)(point - format), format);
    va_copy(copy, args);
    const int size = vsnprintf(NULL, 0, part, copy);
    va_end(copy);
    return size < 0 ? 0 : (size_t)size;
}

/* whole: nothing of the value was cut. */
static void put_field(struct line *line, const struct field *field, const char *value, size_t size, bool whole)
{
    const bool number = is_number(field) && whole;
    put_cstr(line, line->text[line->used - 1] == '{' ? "\"" : ",\"");
    put(line, field->key_size > 0 ? field->begin : "text", field->key_size > 0 ? (size_t)field->key_size : 4);
    put_cstr(line, number ? "\":" : "\":\"");
    put_escaped(line, value, size);
    put_cstr(line, number ? "" : "\"");
}

static void put_fields(struct line *line, const char *format, va_list args)
{
    char values[CMAW_LOG_VALUES_MAX];
    va_list copy;
    va_copy(copy, args);
    const int size = vsnprintf(values, sizeof values, format, copy);
    va_end(copy);
    const size_t limit = size < 0 ? 0 : (size_t)size < sizeof values ? (size_t)size : sizeof values - 1;
    struct field field;
    for (const char *at = format; next_field(at, &field); at = field.end) {
        size_t from = width_until(format, field.value, args) + (field.quoted ? 1 : 0);
        size_t to = width_until(format, field.end, args) - (field.quoted ? 1 : 0);
        from = from < limit ? from : limit;
        to = to < limit ? to : limit;
        put_field(line, &field, values + from, to > from ? to - from : 0, to < limit || (size_t)size == limit);
    }
}

size_t cmaw_log_json(const struct cmaw_log_head *head, const char *format, va_list args, char ret_line[static CMAW_LOG_JSON_MAX])
{
    struct line line = {.text = ret_line};
    const char *const parts[] = {"{\"time\":\"", head->time, "\",\"level\":\"", head->level, "\",\"program\":\"", head->program,
                                 "\",\"event\":\"", head->event, "\",\"fields\":{"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        put_cstr(&line, parts[i]);
    }
    put_fields(&line, strlen(format) < FORMAT_MAX ? format : "", args);
    memcpy(line.text + line.used, "}}\n", 3);
    return line.used + 3;
}
