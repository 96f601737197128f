/* Which measured images may act in which role: message Manifest of PROTOCOL.md section 4. */
#ifndef CMAW_SST_MANIFEST_H
#define CMAW_SST_MANIFEST_H

#include "lib/attest/doc.h"
#include "lib/sst/ctx.h"

enum { CMAW_MEASURED_PCRS = 4 }; /* PCR 0, 1, 2, 8 in this order */

struct cmaw_measurement {
    struct cmaw_slice pcrs[CMAW_MEASURED_PCRS]; /* 48 bytes, or empty: not compared */
};
struct cmaw_role {
    uint32_t id;
    struct cmaw_slice name;
    struct cmaw_slice kms_key_arn;
    uint32_t measurement_count;
    struct cmaw_measurement measurements[CMAW_MEASUREMENTS_MAX];
};
/* About 34 KiB; slices point into bytes, which must outlive it. */
struct cmaw_manifest {
    struct cmaw_slice bytes;
    struct cmaw_bytes32 mh;
    uint32_t version;
    struct cmaw_slice tenant;
    uint64_t serial;
    uint64_t epoch;
    struct cmaw_slice attestation_root;
    uint64_t not_before_ms;
    uint64_t not_after_ms;
    uint32_t role_count;
    struct cmaw_role roles[CMAW_ROLES_MAX];
};

/* Form only: canonical, and within what the struct holds. Sets no mh. MALFORMED. */
enum cmaw_err cmaw_manifest_decode(struct cmaw_slice bytes, struct cmaw_manifest *ret_manifest);
/* Every limit of section 4. MALFORMED. */
enum cmaw_err cmaw_manifest_check(const struct cmaw_manifest *manifest);
/* Size, decode, check and mh: the way in for hostile bytes. On failure *ret_manifest is undefined. TOO_LARGE, MALFORMED. */
enum cmaw_err cmaw_manifest_parse(struct cmaw_slice bytes, struct cmaw_manifest *ret_manifest);
/* Appends the encoding; checks nothing. */
void cmaw_manifest_encode(const struct cmaw_manifest *manifest, struct cmaw_buf *buf);

/* NULL where the manifest has no such role. */
const struct cmaw_role *cmaw_manifest_role(const struct cmaw_manifest *manifest, uint32_t id);
const struct cmaw_role *cmaw_manifest_role_named(const struct cmaw_manifest *manifest, struct cmaw_slice name);
/* not_before <= time < not_after. */
bool cmaw_manifest_valid_at(const struct cmaw_manifest *manifest, uint64_t time_ms);
/* True where the PCRs (0, 1, 2, 8; an empty slice equals nothing) are those of one of the role's measurements. */
bool cmaw_role_measured(const struct cmaw_role *role, const struct cmaw_slice pcrs[CMAW_MEASURED_PCRS]);

/* What a client remembers of a manifest that it pinned. */
struct cmaw_pin {
    struct cmaw_slice tenant;
    uint64_t serial;
    uint64_t epoch;
    struct cmaw_bytes32 mh;
};
/* The rule for a client that pinned known[0..count) (section 9, "A manifest"). DENIED; *ret_check, if not NULL, is then
 * "pin.serial", "pin.epoch" or "pin.same_serial". */
enum cmaw_err cmaw_manifest_pin_check(const struct cmaw_manifest *manifest, const struct cmaw_pin *known, size_t count,
    const char **ret_check);

#endif
