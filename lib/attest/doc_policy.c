#include "lib/attest/doc_policy.h"

static bool value_is_sane(struct cmaw_slice value)
{
    return value.size == 0 || (value.size == CMAW_PCR_SIZE && !cmaw_slice_is_zero(value));
}

enum cmaw_err cmaw_doc_measurements_check(const struct cmaw_doc_measurement *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CMAW_REQUIRE(list[i].pcr0.size > 0 && value_is_sane(list[i].pcr0) && value_is_sane(list[i].pcr1) &&
                         value_is_sane(list[i].pcr2) && value_is_sane(list[i].pcr8), CMAW_E_MALFORMED);
    }
    return CMAW_OK;
}

static bool value_matches(const struct cmaw_doc *doc, uint32_t index, struct cmaw_slice value)
{
    return value.size == 0 || cmaw_slice_eq(cmaw_doc_pcr(doc, index), value);
}

enum cmaw_err cmaw_doc_measurements_match(const struct cmaw_doc *doc, const struct cmaw_doc_measurement *list,
                                          size_t count, bool allow_debug)
{
    CMAW_TRY(cmaw_doc_measurements_check(list, count));
    if (cmaw_doc_is_debug(doc)) {
        return allow_debug ? CMAW_OK : CMAW_E_DENIED;
    }
    for (size_t i = 0; i < count; i++) {
        if (value_matches(doc, 0, list[i].pcr0) && value_matches(doc, 1, list[i].pcr1) &&
            value_matches(doc, 2, list[i].pcr2) && value_matches(doc, 8, list[i].pcr8)) {
            return CMAW_OK;
        }
    }
    return CMAW_E_DENIED;
}
