/* What a step costs inside the enclave without its agent, beside the sum of its primitives, measured by the same program on
 * the same buffers (PROTOCOL.md section 7). Prints one JSON object. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fixture.h"
#include "lib/crypto/aead.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/random.h"
#include "lib/crypto/x25519.h"
#include "lib/rpc/message.h"

enum { ROUNDS_MAX = 4000 };

struct spread {
    double p50;
    double p99;
};

static struct spread spread_of(double *values, size_t count)
{
    bench_sort(values, count);
    return (struct spread){values[count / 2], values[count * 99 / 100]};
}

/* One whole step: the request is opened, its content given back as the output, the answer sealed and signed. */
static void step_once(struct bench_fixture *fixture)
{
    struct cmaw_step *step = NULL;
    if (cmaw_step_open(&fixture->self, &fixture->request, fixture->now_ms, &step) != CMAW_CODE_OK) {
        bench_die("the step does not open");
    }
    const struct cmaw_step_signer signer = {fixture->ak, cmaw_slice_of(fixture->doc, sizeof fixture->doc), fixture->now_ms, fixture->now_ms};
    struct cmaw_step_result result = {0};
    if (cmaw_step_finish(step, &step->inputs[0].opened.content, 1, &signer, &result) != CMAW_CODE_OK) {
        bench_die("the step does not finish");
    }
    cmaw_step_result_free(&result);
    cmaw_step_free(step);
}

/* What section 7 cannot do without for one input and one output of this size:
 * X25519: one, to open the grant. HKDF: the grant's exporter and its key (3: extract and expand of the KEM, of the key schedule, the export),
 * per edge its commitment check and state key (2 edges: 4), per salt one (2). SHA-256: digest of the ciphertext in and out, commitment of the content
 * in and out, hedge of the content out. AES-256-GCM: the class in and the class out. ES256: the receipt. */
struct primitives {
    struct cmaw_secret key;
    struct cmaw_secret scalar;
    uint8_t point[CMAW_X25519_SIZE];
    struct cmaw_buf sealed;
    struct cmaw_buf opened;
    struct cmaw_slice padded;  /* class size */
    struct cmaw_slice content;
};

enum { HKDF_COUNT = 9, CHUNK = 16384 };

static void gcm_once(struct primitives *p)
{
    uint8_t nonce[CMAW_GCM_NONCE_SIZE] = {0};
    cmaw_buf_reset(&p->sealed);
    for (size_t at = 0; at < p->padded.size; at += CHUNK) {
        const size_t size = p->padded.size - at < CHUNK ? p->padded.size - at : CHUNK;
        nonce[11]++;
        CMAW_IGNORE(cmaw_gcm_seal(&p->key, nonce, CMAW_SLICE_EMPTY, cmaw_slice_sub(p->padded, at, size), &p->sealed));
    }
    cmaw_buf_reset(&p->opened);
    memset(nonce, 0, sizeof nonce);
    const struct cmaw_slice sealed = cmaw_buf_slice(&p->sealed);
    for (size_t at = 0; at < sealed.size; at += CHUNK + CMAW_GCM_TAG_SIZE) {
        const size_t left = sealed.size - at;
        nonce[11]++;
        if (cmaw_gcm_open(&p->key, nonce, CMAW_SLICE_EMPTY,
                cmaw_slice_sub(sealed, at, left < CHUNK + CMAW_GCM_TAG_SIZE ? left : CHUNK + CMAW_GCM_TAG_SIZE), &p->opened) != CMAW_OK) {
            bench_die("the primitive does not open");
        }
    }
}

static void primitives_once(struct primitives *p, const struct cmaw_ec_key *ak)
{
    struct cmaw_secret shared = {NULL, 0};
    if (cmaw_x25519(&p->scalar, p->point, &shared) != CMAW_OK) {
        bench_die("X25519 fails");
    }
    cmaw_secret_release(&shared);
    uint8_t okm[32], digest[CMAW_SHA256_SIZE], signature[CMAW_ES256_SIZE];
    const struct cmaw_slice info = CMAW_SLICE_ARRAY(p->point);
    for (size_t i = 0; i < HKDF_COUNT; i++) {
        CMAW_IGNORE(cmaw_hkdf(CMAW_SHA256, CMAW_SLICE_EMPTY, cmaw_secret_slice(&p->key), &info, 1, okm, sizeof okm));
    }
    gcm_once(p);
    cmaw_sha256(cmaw_buf_slice(&p->sealed), digest);
    cmaw_sha256(cmaw_buf_slice(&p->sealed), digest);
    for (size_t i = 0; i < 3; i++) {
        cmaw_sha256(p->content, digest);
    }
    const struct cmaw_slice part = CMAW_SLICE_ARRAY(digest);
    if (cmaw_es256_sign(ak, &part, 1, signature) != CMAW_OK) {
        bench_die("ES256 fails");
    }
}

static void measure(const char *name, size_t content_size, uint32_t size_class, size_t rounds, const char *separator)
{
    struct bench_fixture fixture;
    bench_fixture_make(content_size, size_class, &fixture);
    struct primitives p = {.sealed = CMAW_BUF(SIZE_MAX / 4), .opened = CMAW_BUF(SIZE_MAX / 4)};
    uint8_t *padded = calloc(1, cmaw_class_size(size_class));
    p.padded = cmaw_slice_of(padded, cmaw_class_size(size_class));
    p.content = cmaw_slice_of(padded, content_size);
    struct cmaw_secret peer = {NULL, 0};
    uint8_t unused[CMAW_X25519_SIZE];
    if (padded == NULL || cmaw_secret_new(32, &p.key) != CMAW_OK || cmaw_x25519_generate(&p.scalar, unused) != CMAW_OK ||
        cmaw_x25519_generate(&peer, p.point) != CMAW_OK) {
        bench_die("out of memory");
    }
    static double step_us[ROUNDS_MAX], primitive_us[ROUNDS_MAX];
    for (size_t i = 0; i < rounds + rounds / 10; i++) {
        const size_t slot = i < rounds / 10 ? 0 : i - rounds / 10; /* the first tenth warms up */
        double start = bench_now_us();
        step_once(&fixture);
        step_us[slot] = bench_now_us() - start;
        start = bench_now_us();
        primitives_once(&p, fixture.ak);
        primitive_us[slot] = bench_now_us() - start;
    }
    const struct spread step = spread_of(step_us, rounds), base = spread_of(primitive_us, rounds);
    (void)printf("  \"%s\": {\"step_p50_us\": %.1f, \"step_p99_us\": %.1f, \"primitives_p50_us\": %.1f, \"primitives_p99_us\": %.1f, \"ratio\": %.2f}%s\n",
        name, step.p50, step.p99, base.p50, base.p99, step.p50 / base.p50, separator);
    cmaw_secret_release(&peer);
    cmaw_secret_release(&p.key);
    cmaw_secret_release(&p.scalar);
    cmaw_buf_free(&p.sealed);
    cmaw_buf_free(&p.opened);
    free(padded);
    bench_fixture_free(&fixture);
}

int main(void)
{
    (void)printf("{\n");
    measure("1KiB", 700, 1, ROUNDS_MAX, ",");
    measure("64KiB", 65000, 4, 1000, ",");
    measure("1792KiB", 1834000, 7, 100, "");
    (void)printf("}\n");
    return 0;
}
