/* The one result convention: every fallible function returns enum cmaw_err, checked by the compiler. */
#ifndef CMAW_BASE_ERROR_H
#define CMAW_BASE_ERROR_H

enum [[nodiscard]] cmaw_err {
    CMAW_OK = 0,
#define X(name, category, text) CMAW_E_##name,
#include "lib/base/error.def"
#undef X
};

enum cmaw_err_category {
    CMAW_CAT_NONE, CMAW_CAT_INPUT, CMAW_CAT_AUTH, CMAW_CAT_POLICY, CMAW_CAT_PEER,
    CMAW_CAT_IO, CMAW_CAT_RESOURCE, CMAW_CAT_USAGE, CMAW_CAT_BUG,
};

/* A constant text ("malformed"), never NULL. */
const char *cmaw_err_text(enum cmaw_err err);
enum cmaw_err_category cmaw_err_category(enum cmaw_err err);
/* The error that stands for an errno value: ENOSPC is NO_SPACE, ECONNREFUSED is UNAVAILABLE, and so on. */
enum cmaw_err cmaw_err_of_errno(int errnum);

/* Evaluates expr once and returns its error from the calling function. */
#define CMAW_TRY(expr)                              \
    do {                                            \
        const enum cmaw_err cmaw_try_err_ = (expr); \
        if (cmaw_try_err_ != CMAW_OK) {             \
            return cmaw_try_err_;                   \
        }                                           \
    } while (0)

/* Returns err from the calling function unless cond holds. */
#define CMAW_REQUIRE(cond, err) \
    do {                        \
        if (!(cond)) {          \
            return (err);       \
        }                       \
    } while (0)

/* For the rare place that has nothing better to do with an error, such as a clean-up path. Say why beside it. */
#define CMAW_IGNORE(expr)                                              \
    do {                                                               \
        [[maybe_unused]] const enum cmaw_err cmaw_ignored_ = (expr);   \
    } while (0)

#endif
