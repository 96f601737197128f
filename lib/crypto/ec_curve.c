#include "lib/crypto/ec_curve.h"

struct curve {
    size_t scalar_size;
    struct cmaw_slice spki_prefix; /* the length is fixed, so this is all of the DER */
};

#define ID_EC_PUBLIC_KEY "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
#define ID_PRIME256V1 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define ID_SECP384R1 "\x06\x05\x2b\x81\x04\x00\x22"

static const struct curve curves[] = {
    [CMAW_EC_P256] = {32, CMAW_SLICE_LIT("\x30\x59\x30\x13" ID_EC_PUBLIC_KEY ID_PRIME256V1 "\x03\x42\x00")},
    [CMAW_EC_P384] = {48, CMAW_SLICE_LIT("\x30\x76\x30\x10" ID_EC_PUBLIC_KEY ID_SECP384R1 "\x03\x62\x00")},
};

size_t cmaw_ec_scalar_size(enum cmaw_ec_curve curve)
{
    return curves[curve].scalar_size;
}

size_t cmaw_ec_point_size(enum cmaw_ec_curve curve)
{
    return 1 + 2 * curves[curve].scalar_size;
}

struct cmaw_slice cmaw_ec_spki_prefix(enum cmaw_ec_curve curve)
{
    return curves[curve].spki_prefix;
}

enum cmaw_err cmaw_ec_point_of_spki(enum cmaw_ec_curve curve, struct cmaw_slice spki, struct cmaw_slice *ret_point)
{
    struct cmaw_reader reader = cmaw_reader_of(spki);
    const struct cmaw_slice prefix = cmaw_read_bytes(&reader, curves[curve].spki_prefix.size);
    const struct cmaw_slice point = cmaw_read_bytes(&reader, cmaw_ec_point_size(curve));
    CMAW_REQUIRE(cmaw_reader_end(&reader) == CMAW_OK && cmaw_slice_eq(prefix, curves[curve].spki_prefix) && point.data[0] == 4,
                 CMAW_E_AUTH);
    *ret_point = point;
    return CMAW_OK;
}
