#include "client/report/html.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/text.h"

static void end_tag_start(struct cmaw_html *html)
{
    if (html->in_tag) {
        cmaw_buf_put_cstr(html->buf, ">");
        html->in_tag = false;
    }
}

/* The code point at text (size bytes, at least one) and its length; SIZE_MAX as code point where the bytes are not UTF-8. */
static size_t code_point(const uint8_t *text, size_t size, size_t *ret_length)
{
    const uint8_t c = text[0];
    const size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    *ret_length = 1;
    if (length > size || !cmaw_utf8_valid(cmaw_slice_of(text, length))) {
        return SIZE_MAX;
    }
    *ret_length = length;
    size_t point = length == 1 ? c : c & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        point = point << 6 | (text[i] & 0x3fu);
    }
    return point;
}

/* Controls but for tab and line feed, marks that turn the direction of what follows, and what is no character. */
static bool is_refused(size_t point)
{
    const bool control = (point < 0x20 && point != '\t' && point != '\n') || (point >= 0x7f && point < 0xa0);
    const bool turns = point == 0x061c || point == 0x200e || point == 0x200f || (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
    return control || turns || point == 0xfeff || point == 0xfffe || point == 0xffff || point == SIZE_MAX;
}

static const char *entity_of(size_t point)
{
    switch (point) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return is_refused(point) ? "\xef\xbf\xbd" : NULL;
    }
}

static void put_escaped(struct cmaw_buf *buf, struct cmaw_slice text)
{
    for (size_t at = 0, length; at < text.size; at += length) {
        const char *entity = entity_of(code_point(text.data + at, text.size - at, &length));
        if (entity != NULL) {
            cmaw_buf_put_cstr(buf, entity);
        } else {
            cmaw_buf_put(buf, cmaw_slice_of(text.data + at, length));
        }
    }
}

void cmaw_html_open(struct cmaw_html *html, const char *element)
{
    end_tag_start(html);
    if (html->depth == CMAW_HTML_DEPTH) {
        html->buf->err = html->buf->err == CMAW_OK ? CMAW_E_BUG : html->buf->err;
        return;
    }
    html->open[html->depth++] = element;
    cmaw_buf_printf(html->buf, "\n<%s", element);
    html->in_tag = true;
}

void cmaw_html_close(struct cmaw_html *html)
{
    end_tag_start(html);
    if (html->depth == 0) {
        html->buf->err = html->buf->err == CMAW_OK ? CMAW_E_BUG : html->buf->err;
        return;
    }
    cmaw_buf_printf(html->buf, "</%s>", html->open[--html->depth]);
}

void cmaw_html_void(struct cmaw_html *html, const char *element, const char *const *names_and_values)
{
    end_tag_start(html);
    cmaw_buf_printf(html->buf, "\n<%s", element);
    html->in_tag = true;
    for (size_t i = 0; names_and_values[i] != NULL; i += 2) {
        cmaw_html_attr(html, names_and_values[i], names_and_values[i + 1]);
    }
    cmaw_buf_put_cstr(html->buf, "/>");
    html->in_tag = false;
}

static void attr_start(struct cmaw_html *html, const char *name)
{
    if (!html->in_tag) {
        html->buf->err = html->buf->err == CMAW_OK ? CMAW_E_BUG : html->buf->err;
    }
    cmaw_buf_printf(html->buf, " %s=\"", name);
}

void cmaw_html_attr(struct cmaw_html *html, const char *name, const char *value)
{
    attr_start(html, name);
    put_escaped(html->buf, cmaw_slice_of_cstr(value));
    cmaw_buf_put_u8(html->buf, '"');
}

void cmaw_html_attrf(struct cmaw_html *html, const char *name, const char *format, ...)
{
    char value[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(value, sizeof value, format, args);
    va_end(args);
    cmaw_html_attr(html, name, value);
}

void cmaw_html_attr_base64(struct cmaw_html *html, const char *name, const char *prefix, struct cmaw_slice bytes)
{
    attr_start(html, name);
    put_escaped(html->buf, cmaw_slice_of_cstr(prefix));
    cmaw_buf_put_base64(html->buf, bytes);
    cmaw_buf_put_u8(html->buf, '"');
}

void cmaw_html_slice(struct cmaw_html *html, struct cmaw_slice text)
{
    end_tag_start(html);
    put_escaped(html->buf, text);
}

void cmaw_html_text(struct cmaw_html *html, const char *text)
{
    cmaw_html_slice(html, cmaw_slice_of_cstr(text));
}

void cmaw_html_textf(struct cmaw_html *html, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cmaw_html_text(html, text);
}

void cmaw_html_leaf(struct cmaw_html *html, const char *element, const char *css_class, const char *text)
{
    cmaw_html_open(html, element);
    if (css_class != NULL) {
        cmaw_html_attr(html, "class", css_class);
    }
    cmaw_html_text(html, text);
    cmaw_html_close(html);
}

void cmaw_html_style(struct cmaw_html *html, struct cmaw_slice css)
{
    cmaw_html_open(html, "style");
    end_tag_start(html);
    cmaw_buf_put(html->buf, css);
    cmaw_html_close(html);
}

enum cmaw_err cmaw_html_end(const struct cmaw_html *html)
{
    CMAW_TRY(html->buf->err);
    return html->depth == 0 ? CMAW_OK : CMAW_E_BUG;
}
