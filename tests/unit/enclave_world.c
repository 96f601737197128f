#include "enclave_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enclave/clock.h"
#include "enclave/platform/platform.h"
#include "lib/cbor/write.h"
#include "lib/rpc/frame.h"

static void end_badly(int)
{
    abort();
}

void (*enclave_on_end)(int) = end_badly;
int enclave_accepts = -1;

enum cmaw_tier cmaw_platform_tier(void) { return CMAW_TIER_SIM; }
enum cmaw_doc_trust cmaw_platform_doc_trust(void) { return CMAW_DOC_SIGNED; }
enum cmaw_err cmaw_platform_start(void) { return CMAW_E_BUG; }
enum cmaw_err cmaw_platform_connect(uint32_t, uint32_t, int *) { return CMAW_E_BUG; }
enum cmaw_err cmaw_platform_nsm_call(void *, struct cmaw_slice, struct cmaw_buf *) { return CMAW_E_BUG; }
enum cmaw_err cmaw_platform_add_entropy(struct cmaw_slice) { return CMAW_E_BUG; }

enum cmaw_err cmaw_platform_accept(int *ret_fd)
{
    return read(enclave_accepts, ret_fd, sizeof *ret_fd) == sizeof *ret_fd ? CMAW_OK : CMAW_E_CLOSED;
}

void cmaw_platform_end(int status)
{
    enclave_on_end(status);
    abort();
}

static bool asks(struct cmaw_slice request, const char *name)
{
    return memmem(request.data, request.size, name, strlen(name)) != NULL;
}

static void put_answer(struct cmaw_buf *response, const char *name, size_t fields)
{
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, name);
    cmaw_cbor_put_map(response, fields);
}

static void put_data(struct cmaw_buf *response, const struct module *module)
{
    cmaw_cbor_put_cstr(response, "data");
    cmaw_cbor_put_bstr(response, CMAW_SLICE_ARRAY(module->value));
}

static enum cmaw_err refuse(struct cmaw_buf *response)
{
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, "Error");
    cmaw_cbor_put_cstr(response, "InvalidOperation");
    return CMAW_OK;
}

static enum cmaw_err extend(struct module *module, struct cmaw_slice request, struct cmaw_buf *response)
{
    /* the data is the last field, and longer than 23 and shorter than 256 bytes */
    const uint8_t *name = memmem(request.data, request.size, "data", 4);
    const size_t before = (size_t)(name - request.data) + 6;
    const struct cmaw_slice parts[] = {CMAW_SLICE_ARRAY(module->value), cmaw_slice_sub(request, before, request.size - before)};
    if (module->fault == EXTEND_REFUSED) {
        return refuse(response);
    }
    uint8_t value[CMAW_NSM_PCR_SIZE];
    cmaw_sha384_parts(parts, 2, value);
    memcpy(module->value, value, sizeof value);
    module->extended++;
    put_answer(response, "ExtendPCR", 1);
    put_data(response, module);
    return module->fault == EXTEND_LOST ? CMAW_E_CLOSED : CMAW_OK;
}

static enum cmaw_err describe(struct module *module, struct cmaw_buf *response)
{
    if (module->fault == DESCRIBE_REFUSED) {
        return refuse(response);
    }
    module->value[0] ^= module->fault == OTHER_VALUE;
    put_answer(response, "DescribePCR", 2);
    cmaw_cbor_put_cstr(response, "lock");
    cmaw_cbor_put_bool(response, module->locked && module->fault != LEFT_UNLOCKED);
    put_data(response, module);
    return CMAW_OK;
}

/* A document of role 1 for the key that is asked about. */
static enum cmaw_err attest(struct cmaw_slice request, struct cmaw_buf *response)
{
    struct sst_doc doc;
    CMAW_BUF_AUTO(signed_doc, CMAW_AK_DOC_MAX);
    sst_doc_of(world, &world->enclaves[0], &doc);
    const uint8_t *spki = memmem(request.data, request.size, doc.spki.data, 26); /* up to the point, all are alike */
    if (spki != NULL) {
        doc.public_key = cmaw_slice_of(spki, CMAW_P256_SPKI_SIZE);
    }
    sst_doc_sign(world, &doc, &signed_doc);
    cmaw_buf_free(&doc.spki);
    put_answer(response, "Attestation", 1);
    cmaw_cbor_put_cstr(response, "document");
    cmaw_cbor_put_bstr(response, cmaw_buf_slice(&signed_doc));
    return cmaw_buf_err(response);
}

static enum cmaw_err answer(struct module *module, struct cmaw_slice request, struct cmaw_buf *response)
{
    module->asked++;
    if (asks(request, "Attestation")) {
        return attest(request, response);
    }
    if (asks(request, "ExtendPCR")) {
        return extend(module, request, response);
    }
    if (asks(request, "LockPCR")) {
        if (module->fault == LOCK_REFUSED) {
            return refuse(response);
        }
        module->locked = true;
        cmaw_cbor_put_cstr(response, "LockPCR");
        return CMAW_OK;
    }
    return asks(request, "DescribePCR") ? describe(module, response) : CMAW_E_BUG;
}

/* One at a time, as the platform's. */
static enum cmaw_err module_call(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&lock);
    const enum cmaw_err err = answer(context, request, response);
    (void)pthread_mutex_unlock(&lock);
    return err;
}

struct cmaw_enclave *enclave_new(struct module *module)
{
    struct cmaw_enclave *enclave = calloc(1, sizeof *enclave);
    assert_non_null(enclave);
    enclave->nsm = (struct cmaw_nsm){module_call, module};
    enclave->state = CMAW_ENCLAVE_NEW;
    enclave->bytes = CMAW_BUDGET(CMAW_ENCLAVE_BYTES);
    enclave->agents = CMAW_BUDGET(2);
    enclave->ak_doc = CMAW_BUF(CMAW_AK_DOC_MAX);
    (void)pthread_mutex_init(&enclave->lock, NULL);
    (void)pthread_mutex_init(&enclave->failure_lock, NULL);
    memcpy(enclave->pcrs, world->pcrs[0], sizeof enclave->pcrs);
    memcpy(enclave->conf.attestation_root, world->manifest.attestation_root.data, sizeof enclave->conf.attestation_root);
    const uint64_t now = cmaw_monotonic_ms();
    cmaw_clock_set(SST_NOW_MS, now, now);
    return enclave;
}

void enclave_drop(struct cmaw_enclave *enclave)
{
    cmaw_ec_key_free(enclave->ak);
    cmaw_role_keys_release(&enclave->keys);
    cmaw_buf_free(&enclave->ak_doc);
    free(enclave);
}
