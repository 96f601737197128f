#include "tests/unit/wycheproof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the standard headers it needs */
#include <cmocka.h>

size_t wycheproof_for_each(const char *file, void (*check)(const struct wycheproof *vector))
{
    json_t *root = vectors_json(file);
    size_t count = 0;
    size_t g, t;
    json_t *group, *test;
    json_array_foreach(json_object_get(root, "testGroups"), g, group) {
        json_array_foreach(json_object_get(group, "tests"), t, test) {
            const char *result = vectors_text(test, "result");
            const struct wycheproof vector = {group, test, cmaw_slice_eq_cstr(cmaw_slice_of_cstr(result), "valid")};
            check(&vector);
            count++;
        }
    }
    assert_int_equal((json_int_t)count, json_integer_value(json_object_get(root, "numberOfTests")));
    json_decref(root);
    return count;
}

void wycheproof_assert(const struct wycheproof *vector, enum cmaw_err got, enum cmaw_err want)
{
    if (got != want) {
        fail_msg("case %lld (%s): %s instead of %s",
                 (long long)json_integer_value(json_object_get(vector->test, "tcId")),
                 vectors_text(vector->test, "comment"), cmaw_err_text(got), cmaw_err_text(want));
    }
}
