#include "lib/crypto/cert.h"

#include "lib/crypto/der.h"

/* RFC 5280 section 4.1, as far as the attestation PKI uses it. */
#define ECDSA_WITH_SHA384 CMAW_SLICE_LIT("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")
#define ID_BASIC_CONSTRAINTS CMAW_SLICE_LIT("\x55\x1d\x13")
#define ID_KEY_USAGE CMAW_SLICE_LIT("\x55\x1d\x0f")

enum { KEY_USAGE_DIGITAL_SIGNATURE = 0x80, KEY_USAGE_CERT_SIGN = 0x04 };

static int two_digits(struct cmaw_reader *reader)
{
    const uint8_t tens = (uint8_t)(cmaw_read_u8(reader) - '0');
    const uint8_t ones = (uint8_t)(cmaw_read_u8(reader) - '0');
    if (tens > 9 || ones > 9) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
        return 0;
    }
    return 10 * tens + ones;
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March here, so that a leap day is their last. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    const int64_t era = year / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int64_t read_time(struct cmaw_reader *reader)
{
    const bool is_utc = cmaw_der_is(reader, CMAW_DER_UTC_TIME);
    struct cmaw_reader text = cmaw_der_enter(reader, is_utc ? CMAW_DER_UTC_TIME : CMAW_DER_GENERALIZED_TIME);
    const int century = is_utc ? 0 : 100 * two_digits(&text);
    const int short_year = two_digits(&text);
    const int year = is_utc ? short_year + (short_year < 50 ? 2000 : 1900) : century + short_year;
    const int month = two_digits(&text);
    const int day = two_digits(&text);
    const int hour = two_digits(&text);
    const int minute = two_digits(&text);
    const int second = two_digits(&text);
    const bool zulu = cmaw_read_u8(&text) == 'Z';
    if (cmaw_der_end(&text) != CMAW_OK || !zulu || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 59) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
        return 0;
    }
    return ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

/* DER writes TRUE as ff, and leaves a default of FALSE out. */
static bool read_optional_true(struct cmaw_reader *reader)
{
    if (!cmaw_der_is(reader, CMAW_DER_BOOLEAN)) {
        return false;
    }
    const struct cmaw_slice value = cmaw_der_take(reader, CMAW_DER_BOOLEAN);
    if (value.size != 1 || value.data[0] != 0xff) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
    }
    return true;
}

static void read_basic_constraints(struct cmaw_reader *extension, struct cmaw_cert *cert)
{
    struct cmaw_reader fields = cmaw_der_enter(extension, CMAW_DER_SEQUENCE);
    cert->is_ca = read_optional_true(&fields);
    if (cmaw_der_is(&fields, CMAW_DER_INTEGER)) {
        const struct cmaw_slice value = cmaw_der_take(&fields, CMAW_DER_INTEGER);
        if (value.size != 1 || value.data[0] >= 0x80) {
            cmaw_reader_fail(&fields, CMAW_E_AUTH);
        } else {
            cert->path_length = value.data[0];
        }
    }
    if (cmaw_der_end(&fields) != CMAW_OK) {
        cmaw_reader_fail(extension, CMAW_E_AUTH);
    }
}

static void read_key_usage(struct cmaw_reader *extension, struct cmaw_cert *cert)
{
    const struct cmaw_slice bits = cmaw_der_take(extension, CMAW_DER_BIT_STRING);
    if (bits.size < 2 || bits.size > 3 || bits.data[0] > 7) {
        cmaw_reader_fail(extension, CMAW_E_AUTH);
        return;
    }
    cert->may_sign_data = (bits.data[1] & KEY_USAGE_DIGITAL_SIGNATURE) != 0;
    cert->may_sign_certificates = (bits.data[1] & KEY_USAGE_CERT_SIGN) != 0;
}

struct seen {
    bool basic_constraints;
    bool key_usage;
};

/* Sets *seen; a second extension of one kind is an error. */
static bool first_time(struct cmaw_reader *extensions, bool *seen)
{
    if (*seen) {
        cmaw_reader_fail(extensions, CMAW_E_AUTH);
    }
    *seen = true;
    return extensions->err == CMAW_OK;
}

static void read_extension(struct cmaw_reader *extensions, struct seen *seen, struct cmaw_cert *cert)
{
    struct cmaw_reader extension = cmaw_der_enter(extensions, CMAW_DER_SEQUENCE);
    const struct cmaw_slice id = cmaw_der_take(&extension, CMAW_DER_OID);
    const bool critical = read_optional_true(&extension);
    struct cmaw_reader value = cmaw_der_enter(&extension, CMAW_DER_OCTET_STRING);
    if (cmaw_der_end(&extension) != CMAW_OK) {
        cmaw_reader_fail(extensions, CMAW_E_AUTH);
        return;
    }
    if (cmaw_slice_eq(id, ID_BASIC_CONSTRAINTS) && first_time(extensions, &seen->basic_constraints)) {
        read_basic_constraints(&value, cert);
    } else if (cmaw_slice_eq(id, ID_KEY_USAGE) && first_time(extensions, &seen->key_usage)) {
        read_key_usage(&value, cert);
    } else if (critical) {
        cmaw_reader_fail(extensions, CMAW_E_AUTH);
    } else {
        return; /* what is not understood and not critical */
    }
    if (cmaw_der_end(&value) != CMAW_OK) {
        cmaw_reader_fail(extensions, CMAW_E_AUTH);
    }
}

static enum cmaw_err read_extensions(struct cmaw_reader *outer, struct cmaw_cert *cert)
{
    struct cmaw_reader extensions = cmaw_der_enter(outer, CMAW_DER_SEQUENCE);
    struct seen seen = {0};
    while (extensions.err == CMAW_OK && extensions.rest.size > 0) {
        read_extension(&extensions, &seen, cert);
    }
    CMAW_TRY(cmaw_der_end(&extensions));
    return cmaw_der_end(outer);
}

static enum cmaw_err read_signed_part(struct cmaw_slice signed_part, struct cmaw_cert *cert)
{
    struct cmaw_reader whole = cmaw_reader_of(signed_part);
    struct cmaw_reader tbs = cmaw_der_enter(&whole, CMAW_DER_SEQUENCE);
    const struct cmaw_slice version = cmaw_der_take(&tbs, CMAW_DER_EXPLICIT_0);
    const struct cmaw_slice serial = cmaw_der_take(&tbs, CMAW_DER_INTEGER);
    const struct cmaw_slice algorithm = cmaw_der_take_whole(&tbs, CMAW_DER_SEQUENCE);
    cert->issuer = cmaw_der_take_whole(&tbs, CMAW_DER_SEQUENCE);
    struct cmaw_reader validity = cmaw_der_enter(&tbs, CMAW_DER_SEQUENCE);
    cert->not_before_s = read_time(&validity);
    cert->not_after_s = read_time(&validity);
    cert->subject = cmaw_der_take_whole(&tbs, CMAW_DER_SEQUENCE);
    cert->spki = cmaw_der_take_whole(&tbs, CMAW_DER_SEQUENCE);
    struct cmaw_reader extensions = cmaw_der_enter(&tbs, CMAW_DER_EXPLICIT_3);
    CMAW_TRY(cmaw_der_end(&tbs));
    CMAW_TRY(cmaw_der_end(&validity));
    const bool is_v3 = cmaw_slice_eq(version, CMAW_SLICE_LIT("\x02\x01\x02"));
    CMAW_REQUIRE(is_v3 && serial.size >= 1 && serial.size <= 21 && cmaw_slice_eq(algorithm, ECDSA_WITH_SHA384),
                 CMAW_E_AUTH);
    return read_extensions(&extensions, cert);
}

enum cmaw_err cmaw_cert_parse(struct cmaw_slice der, struct cmaw_cert *ret_cert)
{
    CMAW_REQUIRE(der.size <= CMAW_CERT_SIZE_MAX, CMAW_E_AUTH);
    struct cmaw_cert cert = {.path_length = -1};
    struct cmaw_reader whole = cmaw_reader_of(der);
    struct cmaw_reader parts = cmaw_der_enter(&whole, CMAW_DER_SEQUENCE);
    cert.signed_part = cmaw_der_take_whole(&parts, CMAW_DER_SEQUENCE);
    const struct cmaw_slice algorithm = cmaw_der_take_whole(&parts, CMAW_DER_SEQUENCE);
    const struct cmaw_slice bits = cmaw_der_take(&parts, CMAW_DER_BIT_STRING);
    CMAW_TRY(cmaw_der_end(&whole));
    CMAW_TRY(cmaw_der_end(&parts));
    CMAW_REQUIRE(cmaw_slice_eq(algorithm, ECDSA_WITH_SHA384) && bits.size >= 1 && bits.data[0] == 0, CMAW_E_AUTH);
    cert.signature = cmaw_slice_sub(bits, 1, bits.size - 1);
    CMAW_TRY(read_signed_part(cert.signed_part, &cert));
    *ret_cert = cert;
    return CMAW_OK;
}
