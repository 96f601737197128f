/* Text forms of bytes: lower-case hex and padded standard base64 (RFC 4648 section 4), read strictly. */
#ifndef CMAW_BASE_TEXT_H
#define CMAW_BASE_TEXT_H

#include "lib/base/bytes.h"

/* Appends 2 * bytes.size characters. */
void cmaw_buf_put_hex(struct cmaw_buf *buf, struct cmaw_slice bytes);
/* Fills dst with 2 * bytes.size characters and a NUL; capacity counts both. BUG if it is too small. */
enum cmaw_err cmaw_hex_to_cstr(struct cmaw_slice bytes, char *dst, size_t capacity);
/* Appends what text says. MALFORMED on anything but pairs of [0-9a-f]; nothing is appended then. */
enum cmaw_err cmaw_hex_decode(struct cmaw_slice text, struct cmaw_buf *buf);
/* As above, for exactly size bytes into dst. */
enum cmaw_err cmaw_hex_decode_exact(struct cmaw_slice text, uint8_t *dst, size_t size);

void cmaw_buf_put_base64(struct cmaw_buf *buf, struct cmaw_slice bytes);
/* Appends what text says. MALFORMED on white space, missing padding, or bits that the padding drops. */
enum cmaw_err cmaw_base64_decode(struct cmaw_slice text, struct cmaw_buf *buf);

/* Appends text as the inside of a JSON string (quotes not included): what is not printable ASCII is escaped bytewise. */
void cmaw_buf_put_json_escaped(struct cmaw_buf *buf, struct cmaw_slice text);
/* True for well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF). U+0000 is well-formed. */
bool cmaw_utf8_valid(struct cmaw_slice text);
/* Whether a terminal shows the text and obeys nothing in it: well-formed UTF-8 without control characters (U+0000..U+001F, U+007F..U+009F). */
bool cmaw_text_is_tame(struct cmaw_slice text);
/* Replaces what is not, by one '?' for each byte. */
void cmaw_text_tame(char *text);
/* As above for size bytes of several lines: tabs and the ends of lines (LF, CR LF) stay. */
void cmaw_lines_tame(uint8_t *text, size_t size);
/* Decimal digits without sign or leading zeros, at most max. */
enum cmaw_err cmaw_parse_u64(const char *text, uint64_t max, uint64_t *ret_value);

#endif
