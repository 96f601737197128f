#include "lib/rpc/diagnosis.h"

#include "lib/base/text.h"
#include "lib/sst/keys.h"

enum { SHOWN = 8, ROLE_PCR = CMAW_KMS_ERROR_PCRS - 1 }; /* bytes of a value that are shown */

static const unsigned numbers[CMAW_KMS_ERROR_PCRS] = {0, 1, 2, 8, 16};

void cmaw_kms_error_say(const struct cmaw_kms_error *error, struct cmaw_buf *text)
{
    cmaw_buf_put(text, error->type);
    if (error->message.size > 0) {
        cmaw_buf_put_cstr(text, ": ");
        cmaw_buf_put(text, error->message);
    }
    cmaw_buf_put_cstr(text, " (");
    if (error->http_status != 0) {
        cmaw_buf_printf(text, "HTTP %u, request ", error->http_status);
        cmaw_buf_put(text, error->request_id.size > 0 ? error->request_id : CMAW_SLICE_LIT("without an id"));
        cmaw_buf_put_cstr(text, ", ");
    }
    cmaw_buf_put_cstr(text, error->recipient_sent ? "with an attestation document)" : "no attestation document sent)");
}

static void put_start(struct cmaw_buf *text, struct cmaw_slice value)
{
    cmaw_buf_put_hex(text, cmaw_slice_sub(value, 0, SHOWN));
    cmaw_buf_put_cstr(text, "...");
}

/* own is 48 bytes; wanted: what it may be, where it is compared at all. */
static void put_pcr(struct cmaw_buf *text, unsigned number, struct cmaw_slice own, const struct cmaw_slice *wanted, size_t count)
{
    cmaw_buf_printf(text, "%sPCR%u ", number == 0 ? "" : ", ", number);
    if (count == 0) {
        cmaw_buf_put_cstr(text, "not compared");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (cmaw_slice_eq(own, wanted[i])) {
            cmaw_buf_put_cstr(text, "as expected");
            return;
        }
    }
    cmaw_buf_put_cstr(text, own.size == 0 ? "not locked" : "is ");
    if (own.size > 0) {
        put_start(text, own);
    }
    cmaw_buf_put_cstr(text, ", not ");
    put_start(text, wanted[0]);
    cmaw_buf_put_cstr(text, count > 1 ? " or another as the manifest expects" : " as the manifest expects");
}

static size_t measured(const struct cmaw_role *role, size_t index, struct cmaw_slice ret_wanted[CMAW_MEASUREMENTS_MAX])
{
    size_t count = 0;
    for (uint32_t i = 0; i < role->measurement_count; i++) {
        if (role->measurements[i].pcrs[index].size > 0) {
            ret_wanted[count++] = role->measurements[i].pcrs[index];
        }
    }
    return count;
}

static bool in_debug_mode(const struct cmaw_kms_error *error)
{
    return cmaw_slice_is_zero(error->pcrs[0]) && cmaw_slice_is_zero(error->pcrs[1]) && cmaw_slice_is_zero(error->pcrs[2]);
}

void cmaw_kms_error_compare(const struct cmaw_kms_error *error, const struct cmaw_manifest *manifest, const struct cmaw_role *role,
                            struct cmaw_buf *text)
{
    struct cmaw_slice wanted[CMAW_MEASUREMENTS_MAX];
    struct cmaw_pcr lock;
    if (error->pcrs[0].size == 0 || cmaw_role_lock_pcr(&manifest->mh, role->id, &lock) != CMAW_OK) {
        return;
    }
    if (in_debug_mode(error)) {
        cmaw_buf_put_cstr(text, "debug mode: PCR0, PCR1 and PCR2 of the enclave are zero, and no key is released to that");
        return;
    }
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        put_pcr(text, numbers[i], error->pcrs[i], wanted, measured(role, i, wanted));
    }
    wanted[0] = cmaw_pcr_slice(&lock);
    put_pcr(text, numbers[ROLE_PCR], error->pcrs[ROLE_PCR], wanted, 1);
}
