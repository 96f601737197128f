#include "client/store/store_private.h"
#include "lib/crypto/random.h"
#include "lib/crypto/seal.h"

/* The cost is what OWASP's Password Storage Cheat Sheet names first: 128 MiB, and less than a second. */
enum { SALT_SIZE = 16, COST_LOG_N = 17, COST_R = 8, COST_P = 1 };

static void put_context(struct cmaw_buf *context, const char *label, struct cmaw_slice id)
{
    cmaw_buf_put_cstr(context, "cmaw-store/1 ");
    cmaw_buf_put_lp(context, cmaw_slice_of_cstr(label));
    cmaw_buf_put_lp(context, id);
}

enum cmaw_err cmaw_store_seal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice plain,
                              struct cmaw_buf *sealed)
{
    CMAW_REQUIRE(key->bytes != NULL, CMAW_E_BUG);
    CMAW_BUF_AUTO(context, 256);
    put_context(&context, label, id);
    CMAW_TRY(context.err);
    uint8_t salt[CMAW_SEAL_SALT_SIZE];
    CMAW_TRY(cmaw_random(salt, sizeof salt));
    return cmaw_seal(key, cmaw_buf_slice(&context), salt, plain, sealed);
}

enum cmaw_err cmaw_store_unseal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice sealed,
                                struct cmaw_buf *plain)
{
    CMAW_REQUIRE(key->bytes != NULL, CMAW_E_BUG);
    CMAW_BUF_AUTO(context, 256);
    put_context(&context, label, id);
    CMAW_TRY(context.err);
    return cmaw_seal_open(key, cmaw_buf_slice(&context), sealed, plain);
}

enum cmaw_err cmaw_store_kdf_new(struct cmaw_buf *kdf)
{
    uint8_t salt[SALT_SIZE];
    CMAW_TRY(cmaw_random(salt, sizeof salt));
    cmaw_buf_put_u32be(kdf, COST_LOG_N);
    cmaw_buf_put_u32be(kdf, COST_R);
    cmaw_buf_put_u32be(kdf, COST_P);
    cmaw_buf_put(kdf, CMAW_SLICE_ARRAY(salt));
    return kdf->err;
}

enum cmaw_err cmaw_store_kdf_derive(struct cmaw_slice kdf, struct cmaw_slice passphrase, struct cmaw_secret *ret_key)
{
    struct cmaw_reader reader = cmaw_reader_of(kdf);
    struct cmaw_scrypt_cost cost;
    cost.log_n = cmaw_read_u32be(&reader);
    cost.r = cmaw_read_u32be(&reader);
    cost.p = cmaw_read_u32be(&reader);
    const struct cmaw_slice salt = cmaw_read_bytes(&reader, SALT_SIZE);
    CMAW_TRY(cmaw_reader_end(&reader));
    return cmaw_scrypt(passphrase, salt, cost, CMAW_SEAL_KEY_SIZE, ret_key);
}
