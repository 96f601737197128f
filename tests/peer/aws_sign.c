/* Signs requests: a line of stdin is nine fields, separated by spaces and in hexadecimal (a lone "-" is empty): service, region, host, target,
 * seconds since 1970, access key id, secret, session token, body. A line of stdout has the header lines in hexadecimal, or the error.
 * For test_sigv4.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/sigv4.h"
#include "lib/base/text.h"

enum { FIELDS = 9, FIELD_MAX = 1 << 20, HEADERS_MAX = 16384 };
enum { SERVICE, REGION, HOST, TARGET, TIME, KEY_ID, SECRET, TOKEN, BODY };

/* Each field with a NUL behind it, which is not in its slice. */
static enum cmaw_err read_fields(const char *line, struct cmaw_buf fields[static FIELDS], struct cmaw_slice ret_slices[static FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++) {
        const size_t size = strcspn(line, " \n");
        if (strncmp(line, "-", size) != 0) {
            CMAW_TRY(cmaw_hex_decode(cmaw_slice_of(line, size), &fields[i]));
        }
        cmaw_buf_put_u8(&fields[i], 0);
        CMAW_TRY(cmaw_buf_err(&fields[i]));
        ret_slices[i] = cmaw_slice_sub(cmaw_buf_slice(&fields[i]), 0, fields[i].size - 1);
        line += size + (line[size] == ' ');
    }
    return CMAW_OK;
}

static enum cmaw_err sign(const char *line, struct cmaw_buf fields[static FIELDS], struct cmaw_buf *headers)
{
    struct cmaw_slice slices[FIELDS];
    CMAW_TRY(read_fields(line, fields, slices));
    const struct cmaw_aws_request request = {
        .service = (const char *)fields[SERVICE].data,
        .region = (const char *)fields[REGION].data,
        .host = (const char *)fields[HOST].data,
        .target = (const char *)fields[TARGET].data,
        .body = slices[BODY],
        .time_s = strtoull((const char *)fields[TIME].data, NULL, 10),
    };
    const struct cmaw_aws_credentials credentials = {slices[KEY_ID], slices[SECRET], slices[TOKEN]};
    return cmaw_sigv4_put_headers(&request, &credentials, headers);
}

static bool answer(const char *line)
{
    struct cmaw_buf fields[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = CMAW_BUF(FIELD_MAX);
    }
    CMAW_BUF_AUTO(headers, HEADERS_MAX);
    CMAW_BUF_AUTO(shown, 2 * HEADERS_MAX + 1);
    const enum cmaw_err err = sign(line, fields, &headers);
    cmaw_buf_put_hex(&shown, cmaw_buf_slice(&headers));
    cmaw_buf_put_u8(&shown, 0);
    for (size_t i = 0; i < FIELDS; i++) {
        cmaw_buf_free(&fields[i]);
    }
    return puts(err == CMAW_OK ? (const char *)shown.data : cmaw_err_text(err)) >= 0;
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    bool good = true;
    while (good && getline(&line, &capacity, stdin) > 0) {
        good = answer(line);
    }
    free(line);
    return good ? 0 : 1;
}
