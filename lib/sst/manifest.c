#include "lib/sst/manifest.h"

#include "lib/pb/pb.h"
#include "lib/sst/text.h"

static enum cmaw_err measurement_decode(struct cmaw_slice bytes, struct cmaw_measurement *ret_measurement)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    for (uint32_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        ret_measurement->pcrs[i] = cmaw_pb_bytes(&r, i + 1);
    }
    return cmaw_pb_end(&r);
}

static enum cmaw_err role_decode(struct cmaw_slice bytes, struct cmaw_role *ret_role)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    ret_role->id = cmaw_pb_u32(&r, 1);
    ret_role->name = cmaw_pb_string(&r, 2);
    ret_role->measurement_count = 0;
    while (cmaw_pb_next(&r, 3, &nested)) {
        CMAW_REQUIRE(ret_role->measurement_count < CMAW_MEASUREMENTS_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(measurement_decode(nested, &ret_role->measurements[ret_role->measurement_count++]));
    }
    ret_role->kms_key_arn = cmaw_pb_string(&r, 4);
    return cmaw_pb_end(&r);
}

enum cmaw_err cmaw_manifest_decode(struct cmaw_slice bytes, struct cmaw_manifest *ret_manifest)
{
    struct cmaw_manifest *m = ret_manifest;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    m->bytes = bytes;
    m->mh = (struct cmaw_bytes32){0};
    m->version = cmaw_pb_u32(&r, 1);
    m->tenant = cmaw_pb_string(&r, 2);
    m->serial = cmaw_pb_u64(&r, 3);
    m->epoch = cmaw_pb_u64(&r, 4);
    m->attestation_root = cmaw_pb_bytes(&r, 5);
    m->role_count = 0;
    while (cmaw_pb_next(&r, 6, &nested)) {
        CMAW_REQUIRE(m->role_count < CMAW_ROLES_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(role_decode(nested, &m->roles[m->role_count++]));
    }
    m->not_before_ms = cmaw_pb_u64(&r, 7);
    m->not_after_ms = cmaw_pb_u64(&r, 8);
    return cmaw_pb_end(&r);
}

/* The part of text before the first ':', which is dropped; *text goes on behind it. */
static struct cmaw_slice arn_part(struct cmaw_slice *text)
{
    size_t size = 0;
    while (size < text->size && text->data[size] != ':') {
        size++;
    }
    const struct cmaw_slice part = cmaw_slice_sub(*text, 0, size);
    *text = size < text->size ? cmaw_slice_sub(*text, size + 1, text->size - size - 1) : CMAW_SLICE_EMPTY;
    return part;
}

static bool is_digits(struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/* [a-z-]* behind "aws" */
static bool is_partition(struct cmaw_slice text)
{
    if (!cmaw_slice_eq_cstr(cmaw_slice_sub(text, 0, 3), "aws")) {
        return false;
    }
    for (size_t i = 3; i < text.size; i++) {
        if ((text.data[i] < 'a' || text.data[i] > 'z') && text.data[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool is_uuid(struct cmaw_slice text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.size != sizeof form - 1) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (form[i] == '-' ? c != '-' : !hex) {
            return false;
        }
    }
    return true;
}

static bool is_key_arn(struct cmaw_slice arn)
{
    if (arn.size > CMAW_ARN_MAX) {
        return false;
    }
    struct cmaw_slice rest = arn;
    const struct cmaw_slice prefix = arn_part(&rest);
    const struct cmaw_slice partition = arn_part(&rest);
    const struct cmaw_slice service = arn_part(&rest);
    const struct cmaw_slice region = arn_part(&rest);
    const struct cmaw_slice account = arn_part(&rest);
    return cmaw_slice_eq_cstr(prefix, "arn") && is_partition(partition) && cmaw_slice_eq_cstr(service, "kms") &&
           region.size > 0 && cmaw_text_in(region, "-") && account.size == 12 && is_digits(account) &&
           cmaw_slice_eq_cstr(cmaw_slice_sub(rest, 0, 4), "key/") && is_uuid(cmaw_slice_sub(rest, 4, rest.size - 4));
}

static bool measurement_ok(const struct cmaw_measurement *measurement)
{
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        const struct cmaw_slice pcr = measurement->pcrs[i];
        if (pcr.size == 0 && i > 0) {
            continue;
        }
        if (pcr.size != CMAW_PCR_SIZE || cmaw_slice_is_zero(pcr)) {
            return false;
        }
    }
    return true;
}

static bool role_ok(const struct cmaw_role *role)
{
    if (role->id < 1 || !cmaw_text_is_name(role->name) || !is_key_arn(role->kms_key_arn) || role->measurement_count < 1 ||
        role->measurement_count > CMAW_MEASUREMENTS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < role->measurement_count; i++) {
        if (!measurement_ok(&role->measurements[i])) {
            return false;
        }
    }
    return true;
}

/* Ids strictly ascending, names unique, each role as it should be. */
static bool roles_ok(const struct cmaw_manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->role_count; i++) {
        const struct cmaw_role *role = &manifest->roles[i];
        if (!role_ok(role) || (i > 0 && role->id <= manifest->roles[i - 1].id)) {
            return false;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (cmaw_slice_eq(role->name, manifest->roles[j].name)) {
                return false;
            }
        }
    }
    return true;
}

enum cmaw_err cmaw_manifest_check(const struct cmaw_manifest *manifest)
{
    const struct cmaw_manifest *m = manifest;
    CMAW_REQUIRE(m->version == 1, CMAW_E_MALFORMED);
    CMAW_REQUIRE(m->tenant.size >= 1 && m->tenant.size <= CMAW_NAME_MAX && cmaw_text_in(m->tenant, "-"), CMAW_E_MALFORMED);
    CMAW_REQUIRE(m->serial >= 1 && m->epoch >= 1, CMAW_E_MALFORMED);
    CMAW_REQUIRE(m->attestation_root.size == CMAW_HASH_SIZE, CMAW_E_MALFORMED);
    CMAW_REQUIRE(m->role_count >= 1 && m->role_count <= CMAW_ROLES_MAX && roles_ok(m), CMAW_E_MALFORMED);
    CMAW_REQUIRE(m->not_before_ms < m->not_after_ms, CMAW_E_MALFORMED);
    return CMAW_OK;
}

enum cmaw_err cmaw_manifest_parse(struct cmaw_slice bytes, struct cmaw_manifest *ret_manifest)
{
    CMAW_REQUIRE(bytes.size <= CMAW_MANIFEST_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_manifest_decode(bytes, ret_manifest));
    CMAW_TRY(cmaw_manifest_check(ret_manifest));
    return cmaw_ctx_hash(CMAW_LABEL_MANIFEST, CMAW_FIELDS(CMAW_F(bytes)), &ret_manifest->mh);
}

static void role_encode(const struct cmaw_role *role, struct cmaw_buf *buf)
{
    cmaw_pb_put_u32(buf, 1, role->id);
    cmaw_pb_put_bytes(buf, 2, role->name);
    for (uint32_t i = 0; i < role->measurement_count; i++) {
        const size_t mark = cmaw_pb_open(buf);
        for (uint32_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
            cmaw_pb_put_bytes(buf, p + 1, role->measurements[i].pcrs[p]);
        }
        cmaw_pb_close(buf, 3, mark);
    }
    cmaw_pb_put_bytes(buf, 4, role->kms_key_arn);
}

void cmaw_manifest_encode(const struct cmaw_manifest *manifest, struct cmaw_buf *buf)
{
    cmaw_pb_put_u32(buf, 1, manifest->version);
    cmaw_pb_put_bytes(buf, 2, manifest->tenant);
    cmaw_pb_put_u64(buf, 3, manifest->serial);
    cmaw_pb_put_u64(buf, 4, manifest->epoch);
    cmaw_pb_put_bytes(buf, 5, manifest->attestation_root);
    for (uint32_t i = 0; i < manifest->role_count; i++) {
        const size_t mark = cmaw_pb_open(buf);
        role_encode(&manifest->roles[i], buf);
        cmaw_pb_close(buf, 6, mark);
    }
    cmaw_pb_put_u64(buf, 7, manifest->not_before_ms);
    cmaw_pb_put_u64(buf, 8, manifest->not_after_ms);
}

const struct cmaw_role *cmaw_manifest_role(const struct cmaw_manifest *manifest, uint32_t id)
{
    for (uint32_t i = 0; i < manifest->role_count; i++) {
        if (manifest->roles[i].id == id) {
            return &manifest->roles[i];
        }
    }
    return NULL;
}

const struct cmaw_role *cmaw_manifest_role_named(const struct cmaw_manifest *manifest, struct cmaw_slice name)
{
    for (uint32_t i = 0; i < manifest->role_count; i++) {
        if (cmaw_slice_eq(manifest->roles[i].name, name)) {
            return &manifest->roles[i];
        }
    }
    return NULL;
}

bool cmaw_manifest_valid_at(const struct cmaw_manifest *manifest, uint64_t time_ms)
{
    return manifest->not_before_ms <= time_ms && time_ms < manifest->not_after_ms;
}

bool cmaw_role_measured(const struct cmaw_role *role, const struct cmaw_slice pcrs[CMAW_MEASURED_PCRS])
{
    for (uint32_t i = 0; i < role->measurement_count; i++) {
        bool equal = true;
        for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
            const struct cmaw_slice want = role->measurements[i].pcrs[p];
            equal = equal && (want.size == 0 || cmaw_slice_eq(want, pcrs[p]));
        }
        if (equal) {
            return true;
        }
    }
    return false;
}

static const char *pin_refusal(const struct cmaw_manifest *manifest, const struct cmaw_pin *pin)
{
    if (!cmaw_slice_eq(manifest->tenant, pin->tenant)) {
        return NULL;
    }
    if (manifest->serial < pin->serial) {
        return "pin.serial";
    }
    if (manifest->serial == pin->serial && !cmaw_bytes32_eq(&pin->mh, cmaw_bytes32_slice(&manifest->mh))) {
        return "pin.same_serial";
    }
    return manifest->epoch < pin->epoch ? "pin.epoch" : NULL;
}

enum cmaw_err cmaw_manifest_pin_check(const struct cmaw_manifest *manifest, const struct cmaw_pin *known, size_t count,
    const char **ret_check)
{
    for (size_t i = 0; i < count; i++) {
        const char *refusal = pin_refusal(manifest, &known[i]);
        if (refusal != NULL) {
            if (ret_check != NULL) {
                *ret_check = refusal;
            }
            return CMAW_E_DENIED;
        }
    }
    return CMAW_OK;
}
