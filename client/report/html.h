/* HTML that cannot be broken by what it shows: every text and attribute value is escaped, elements close in the order they opened. Names of elements and attributes
 * are constants of ours. Any bytes may be given as text: what is not UTF-8, control characters, and characters that turn the direction of writing become U+FFFD. */
#ifndef CMAW_CLIENT_REPORT_HTML_H
#define CMAW_CLIENT_REPORT_HTML_H

#include "lib/base/bytes.h"

enum { CMAW_HTML_DEPTH = 32 };

/* buf is borrowed and latches the errors. */
struct cmaw_html {
    struct cmaw_buf *buf;
    const char *open[CMAW_HTML_DEPTH];
    size_t depth;
    bool in_tag; /* attributes may follow */
};

/* Opens an element; its attributes follow, then its content, then cmaw_html_close. */
void cmaw_html_open(struct cmaw_html *html, const char *element);
void cmaw_html_close(struct cmaw_html *html);
/* An element without content and end tag (meta), or an SVG element without content; its attributes have to be given by the list, ended by NULL. */
void cmaw_html_void(struct cmaw_html *html, const char *element, const char *const *names_and_values);

void cmaw_html_attr(struct cmaw_html *html, const char *name, const char *value);
[[gnu::format(printf, 3, 4)]] void cmaw_html_attrf(struct cmaw_html *html, const char *name, const char *format, ...);
/* name="prefix" and the base64 of bytes. */
void cmaw_html_attr_base64(struct cmaw_html *html, const char *name, const char *prefix, struct cmaw_slice bytes);

void cmaw_html_text(struct cmaw_html *html, const char *text);
void cmaw_html_slice(struct cmaw_html *html, struct cmaw_slice text);
[[gnu::format(printf, 2, 3)]] void cmaw_html_textf(struct cmaw_html *html, const char *format, ...);
/* A whole element with a class (NULL: none) and a text. */
void cmaw_html_leaf(struct cmaw_html *html, const char *element, const char *css_class, const char *text);
/* Our own style sheet, as it is: it may hold no "</". */
void cmaw_html_style(struct cmaw_html *html, struct cmaw_slice css);

/* The buffer's error; BUG if an element is still open. */
enum cmaw_err cmaw_html_end(const struct cmaw_html *html);

#endif
