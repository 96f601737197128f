#include <stdio.h>
#include <string.h>

#include "client/proof/proof.h"

enum { PATH_MAX_SIZE = 256, VALUE_MAX = 100 };

struct differ {
    struct cmaw_buf *lines;
    size_t limit;
    size_t count;
};

/* A value on one line, cut. */
static void put_value(struct cmaw_buf *buf, const json_t *value)
{
    CMAW_BUF_AUTO(text, 1024 * 1024);
    if (cmaw_json_put(&text, value) != CMAW_OK) {
        cmaw_buf_put_cstr(buf, "…");
        return;
    }
    size_t size = text.size < VALUE_MAX ? text.size : VALUE_MAX;
    /* never cut inside a character */
    while (size < text.size && size > 0 && (text.data[size] & 0xc0) == 0x80) {
        size--;
    }
    cmaw_buf_put(buf, cmaw_slice_of(text.data, size));
    if (size < text.size) {
        cmaw_buf_put_cstr(buf, "…");
    }
}

static void report(struct differ *differ, char sign, const char *path, const json_t *before, const json_t *after)
{
    if (differ->count++ >= differ->limit) {
        return;
    }
    cmaw_buf_printf(differ->lines, "%c %s", sign, path[0] == '\0' ? "(all)" : path);
    if (before != NULL && after != NULL) {
        cmaw_buf_put_cstr(differ->lines, ": ");
        put_value(differ->lines, before);
        cmaw_buf_put_cstr(differ->lines, " -> ");
        put_value(differ->lines, after);
    } else if (after != NULL) {
        cmaw_buf_put_cstr(differ->lines, ": ");
        put_value(differ->lines, after);
    }
    cmaw_buf_put_cstr(differ->lines, "\n");
}

static void diff(struct differ *differ, const char *path, const json_t *before, const json_t *after);

static void join(char path[static PATH_MAX_SIZE], const char *parent, const char *key)
{
    (void)snprintf(path, PATH_MAX_SIZE, "%.120s%s%.120s", parent, parent[0] == '\0' ? "" : ".", key);
}

/* The member of after that holds before: an object with at least half of its members unchanged. */
static const char *member_that_keeps(const json_t *before, const json_t *after)
{
    const char *best = NULL;
    size_t best_count = 0;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)after, key, member) {
        size_t same = 0;
        const char *inner;
        json_t *value;
        json_object_foreach(member, inner, value) {
            same += json_equal(value, json_object_get(before, inner)) == 1;
        }
        if (2 * same >= json_object_size(before) && same > best_count) {
            best = key;
            best_count = same;
        }
    }
    return best;
}

static void diff_objects(struct differ *differ, const char *path, const json_t *before, const json_t *after)
{
    char child[PATH_MAX_SIZE];
    const char *key;
    json_t *value;
    const char *keeper = path[0] == '\0' ? member_that_keeps(before, after) : NULL;
    const json_t *kept = keeper == NULL ? NULL : json_object_get(after, keeper);
    json_object_foreach((json_t *)before, key, value) {
        const json_t *inside = kept == NULL ? NULL : json_object_get(kept, key);
        const json_t *now = inside != NULL ? inside : json_object_get(after, key);
        join(child, inside != NULL ? keeper : path, key);
        if (now == NULL) {
            report(differ, '-', child, value, NULL);
        } else {
            diff(differ, child, value, now);
        }
    }
    json_object_foreach((json_t *)after, key, value) {
        const bool taken = json_object_get(before, key) != NULL && (kept == NULL || json_object_get(kept, key) == NULL);
        if (!taken && (keeper == NULL || strcmp(key, keeper) != 0)) {
            join(child, path, key);
            report(differ, '+', child, NULL, value);
        }
    }
    json_object_foreach((json_t *)kept, key, value) {
        if (json_object_get(before, key) == NULL) {
            join(child, keeper, key);
            report(differ, '+', child, NULL, value);
        }
    }
}

static void diff_arrays(struct differ *differ, const char *path, const json_t *before, const json_t *after)
{
    const size_t old_size = json_array_size(before);
    const size_t new_size = json_array_size(after);
    for (size_t i = 0; i < old_size || i < new_size; i++) {
        char child[PATH_MAX_SIZE];
        (void)snprintf(child, sizeof child, "%.230s[%zu]", path, i);
        if (i >= new_size) {
            report(differ, '-', child, json_array_get(before, i), NULL);
        } else if (i >= old_size) {
            report(differ, '+', child, NULL, json_array_get(after, i));
        } else {
            diff(differ, child, json_array_get(before, i), json_array_get(after, i));
        }
    }
}

static void diff(struct differ *differ, const char *path, const json_t *before, const json_t *after)
{
    if (json_equal(before, after) == 1) {
        return;
    }
    if (json_is_object(before) && json_is_object(after)) {
        diff_objects(differ, path, before, after);
    } else if (json_is_array(before) && json_is_array(after)) {
        diff_arrays(differ, path, before, after);
    } else {
        report(differ, '~', path, before, after);
    }
}

size_t cmaw_json_diff(const json_t *before, const json_t *after, size_t limit, struct cmaw_buf *lines)
{
    struct differ differ = {.lines = lines, .limit = limit};
    diff(&differ, "", before, after);
    return differ.count;
}
