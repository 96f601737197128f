#include <stdio.h>
#include <string.h>

#include "dev/kms.h"
#include "dev/sql.h"
#include "lib/base/text.h"

enum { MARKER_TEXT_MAX = 1024 };

/* A marker says of which list it is, so that one of another list is refused. */
static enum cmaw_err read_marker(struct cmaw_kms_call *call, const char *text, char ret_marker[static CMAW_KMS_MARKER_MAX])
{
    CMAW_BUF_AUTO(bytes, MARKER_TEXT_MAX);
    char prefix[64];
    const int size = snprintf(prefix, sizeof prefix, "%s:", call->operation);
    CMAW_TRY(cmaw_base64_decode(cmaw_slice_of_cstr(text), &bytes));
    const struct cmaw_slice all = cmaw_buf_slice(&bytes);
    CMAW_REQUIRE(size > 0 && all.size > (size_t)size &&
                     cmaw_slice_eq_cstr(cmaw_slice_sub(all, 0, (size_t)size), prefix), CMAW_E_MALFORMED);
    return cmaw_slice_to_cstr(cmaw_slice_sub(all, (size_t)size, all.size - (size_t)size), ret_marker, CMAW_KMS_MARKER_MAX);
}

enum cmaw_err cmaw_kms_arg_page(struct cmaw_kms_call *call, int64_t max, int64_t usual, struct cmaw_kms_page *ret_page)
{
    struct cmaw_kms_page page = {.limit = usual};
    const char *marker = NULL;
    CMAW_TRY(cmaw_kms_arg_number(call, "Limit", 1, max, false, &page.limit));
    CMAW_TRY(cmaw_kms_arg_text(call, "Marker", 1, MARKER_TEXT_MAX, false, &marker));
    if (marker != NULL && read_marker(call, marker, page.marker) != CMAW_OK) {
        return cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_MARKER);
    }
    *ret_page = page;
    return CMAW_OK;
}

static enum cmaw_err put_marker(struct cmaw_kms_call *call, const char *last)
{
    CMAW_BUF_AUTO(marker, CMAW_KMS_MARKER_MAX + 64);
    cmaw_buf_printf(&marker, "%s:%s", call->operation, last);
    CMAW_TRY(cmaw_buf_err(&marker));
    return cmaw_kms_answer_bytes(call, "NextMarker", cmaw_buf_slice(&marker));
}

enum cmaw_err cmaw_kms_answer_page(struct cmaw_kms_call *call, const char *member, const struct cmaw_kms_page *page,
                                   struct sqlite3_stmt *rows, json_t *(*item)(struct cmaw_kms_call *, struct sqlite3_stmt *))
{
    json_t *list = json_array();
    char last[CMAW_KMS_MARKER_MAX] = "";
    bool more = false;
    CMAW_TRY(cmaw_kms_answer(call, member, list));
    enum cmaw_err err = CMAW_OK;
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        more = (int64_t)json_array_size(list) == page->limit;
        if (more) {
            break;
        }
        CMAW_TRY(cmaw_sql_copy(rows, 0, last, sizeof last));
        CMAW_REQUIRE(json_array_append_new(list, item(call, rows)) == 0, CMAW_E_NO_MEMORY);
    }
    CMAW_REQUIRE(err == CMAW_OK || err == CMAW_E_NOT_FOUND, err);
    CMAW_TRY(cmaw_kms_answer(call, "Truncated", json_boolean(more)));
    return more ? put_marker(call, last) : CMAW_OK;
}
