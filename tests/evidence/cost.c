/* What deciding an evidence file costs beside the signatures in it, each verified once with its key at hand: processor time, the two in turn. Prints
 * one JSON object. */
#include <stdio.h>
#include <time.h>

#include "bench/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/cert.h"
#include "lib/sst/verify.h"
#include "sys/file.h"

enum { ROUNDS = 15, CHAIN_MAX = CMAW_DOC_BUNDLE_MAX + 1, SIGNATURES_MAX = CMAW_STEPS_MAX * (CHAIN_MAX + 2) };

struct signature {
    struct cmaw_ec_key *key;
    bool is_der;
    bool is_p256;
    struct cmaw_slice part; /* where is_der: of a certificate */
    struct cmaw_cose_tbs tbs;
    struct cmaw_slice value;
};

static struct signature signatures[SIGNATURES_MAX];
static size_t signature_count;

static struct signature *add(enum cmaw_ec_curve curve, struct cmaw_slice spki, struct cmaw_slice value)
{
    struct signature *s = &signatures[signature_count++];
    s->is_p256 = curve == CMAW_EC_P256;
    s->value = value;
    if (cmaw_ec_from_spki(curve, spki, &s->key) != CMAW_OK) {
        bench_die("a key that is none");
    }
    return s;
}

/* A certificate that stands above several documents counts once. */
static void add_certificate(const struct cmaw_cert *issuer, const struct cmaw_cert *cert)
{
    for (size_t i = 0; i < signature_count; i++) {
        if (signatures[i].is_der && cmaw_slice_eq(signatures[i].part, cert->signed_part)) {
            return;
        }
    }
    struct signature *s = add(CMAW_EC_P384, issuer->spki, cert->signature);
    s->is_der = true;
    s->part = cert->signed_part;
}

static void add_cose(enum cmaw_ec_curve curve, struct cmaw_slice spki, const struct cmaw_cose_sign1 *sign1)
{
    cmaw_cose_tbs_of(sign1->protected_header, sign1->payload, &add(curve, spki, sign1->signature)->tbs);
}

static void add_document(struct cmaw_slice bytes, struct cmaw_doc *ret_doc)
{
    struct cmaw_cert certs[CHAIN_MAX];
    if (cmaw_doc_parse(bytes, ret_doc) != CMAW_OK) {
        bench_die("a document that is none");
    }
    for (size_t i = 0; i <= ret_doc->cabundle_count; i++) {
        if (cmaw_cert_parse(i < ret_doc->cabundle_count ? ret_doc->cabundle[i] : ret_doc->certificate, &certs[i]) != CMAW_OK) {
            bench_die("a certificate that is none");
        }
        if (i > 0) {
            add_certificate(&certs[i - 1], &certs[i]);
        }
    }
    add_cose(CMAW_EC_P384, certs[ret_doc->cabundle_count].spki, &ret_doc->sign1);
}

static void collect(const struct cmaw_evidence *evidence, const struct cmaw_verified_run *run)
{
    static struct cmaw_doc docs[CMAW_STEPS_MAX];
    for (uint32_t i = 0; i < evidence->ak_doc_count; i++) {
        add_document(evidence->ak_docs[i], &docs[i]);
    }
    for (uint32_t i = 0; i < evidence->receipt_count; i++) {
        struct cmaw_cose_sign1 sign1;
        if (cmaw_cose_sign1_parse(evidence->receipts[i], CMAW_CBOR_DETERMINISTIC, &sign1) != CMAW_OK) {
            bench_die("a receipt that is none");
        }
        add_cose(CMAW_EC_P256, docs[run->steps[i].doc].public_key.bytes, &sign1);
    }
}

static void verify_signatures(void)
{
    for (size_t i = 0; i < signature_count; i++) {
        const struct signature *s = &signatures[i];
        const enum cmaw_err err = s->is_der   ? cmaw_es384_verify_der(s->key, &s->part, 1, s->value)
                                  : s->is_p256 ? cmaw_es256_verify(s->key, s->tbs.parts, CMAW_COSE_TBS_PARTS, s->value)
                                               : cmaw_es384_verify(s->key, s->tbs.parts, CMAW_COSE_TBS_PARTS, s->value);
        if (err != CMAW_OK) {
            bench_die("a signature that does not verify");
        }
    }
}

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static double median(double *values)
{
    bench_sort(values, ROUNDS);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    static struct cmaw_evidence evidence;
    struct cmaw_diag diag = {0};
    struct cmaw_bytes32 mh;
    CMAW_BUF_AUTO(bytes, CMAW_EVIDENCE_MAX);
    if (argc != 3 || cmaw_hex_decode_exact(cmaw_slice_of_cstr(argv[2]), mh.bytes, sizeof mh.bytes) != CMAW_OK ||
        cmaw_file_read(argv[1], &bytes, &diag) != CMAW_OK) {
        bench_die("usage: evidence-cost FILE MANIFEST-HASH");
    }
    double decided[ROUNDS];
    double signed_[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        struct cmaw_verified_run *run = NULL;
        double start = now_ms();
        if (cmaw_run_verify_bytes(cmaw_buf_slice(&bytes), &mh, CMAW_DOC_SIGNED, &evidence, &run, NULL) != CMAW_OK) {
            bench_die("the evidence does not hold");
        }
        decided[round] = now_ms() - start;
        if (round == 0) {
            collect(&evidence, run);
        }
        cmaw_verified_run_free(run);
        start = now_ms();
        verify_signatures();
        signed_[round] = now_ms() - start;
    }
    const double all = median(decided);
    const double alone = median(signed_);
    (void)printf("{\"decided_ms\": %.2f, \"signatures\": %zu, \"signatures_ms\": %.2f, \"ratio\": %.3f}\n", all, signature_count, alone, all / alone);
}
