/* What one attested Decrypt of the KMS emulator is made of: microseconds of each part, over the document in the file that is
 * named, beside the bare signature checks that it contains. Prints one JSON object. */
#include <stdio.h>

#include "bench/clock.h"
#include "dev/kms_blob.h"
#include "lib/attest/doc.h"
#include "lib/crypto/cms_make.h"
#include "lib/crypto/ecdsa.h"
#include "lib/crypto/random.h"
#include "sys/file.h"

enum { ROUNDS = 400, SIGNATURES = 5 }; /* four certificates under the root, and the document */

struct parts {
    struct cmaw_doc doc;
    uint8_t root[CMAW_SHA256_SIZE];
    struct cmaw_ec_key *key;
    uint8_t signature[CMAW_ES384_SIZE];
    struct cmaw_slice message;
    struct cmaw_rsa_key *recipient;
    struct cmaw_secret material;
    uint8_t material_id[CMAW_KMS_MATERIAL_SIZE];
    struct cmaw_buf blob;
};

static void must(enum cmaw_err err, const char *what)
{
    if (err != CMAW_OK) {
        bench_die(what);
    }
}

static void verify_document(struct parts *parts)
{
    must(cmaw_doc_verify_at(&parts->doc, parts->root, parts->doc.timestamp_ms, NULL), "the document does not verify");
}

static void check_signatures(struct parts *parts)
{
    for (int i = 0; i < SIGNATURES; i++) {
        must(cmaw_es384_verify(parts->key, &parts->message, 1, CMAW_SLICE_ARRAY(parts->signature)), "ES384");
    }
}

static void make_envelope(struct parts *parts)
{
    CMAW_BUF_AUTO(envelope, 1024);
    CMAW_RSA_KEY_AUTO(key);
    must(cmaw_rsa_from_spki(parts->doc.public_key.bytes, &key), "the document has no RSA key");
    must(cmaw_cms_make(key, CMAW_CMS_SEGMENTED, CMAW_SLICE_ARRAY(parts->material_id), &envelope), "envelope");
}

static void encrypt_oaep(struct parts *parts)
{
    CMAW_BUF_AUTO(block, CMAW_RSA_BLOCK_SIZE);
    must(cmaw_rsa_oaep_encrypt(parts->recipient, CMAW_SLICE_ARRAY(parts->material_id), &block), "OAEP");
}

static void open_blob(struct parts *parts)
{
    CMAW_BUF_AUTO(plaintext, CMAW_KMS_PLAINTEXT_MAX);
    must(cmaw_kms_blob_open(&parts->material, CMAW_SLICE_EMPTY, cmaw_buf_slice(&parts->blob), &plaintext), "blob");
}

static double median_us(void (*run)(struct parts *parts), struct parts *parts)
{
    static double values[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        const double before = bench_now_us();
        run(parts);
        values[i] = bench_now_us() - before;
    }
    bench_sort(values, ROUNDS);
    return values[ROUNDS / 2];
}

static void prepare(const char *path, struct cmaw_buf *file, struct parts *parts)
{
    struct cmaw_diag diag = {0};
    must(cmaw_file_read(path, file, &diag), "the document cannot be read");
    must(cmaw_doc_parse(cmaw_buf_slice(file), &parts->doc), "that is no document");
    cmaw_sha256(parts->doc.cabundle[0], parts->root);
    parts->message = parts->doc.sign1.payload;
    must(cmaw_ec_generate(CMAW_EC_P384, &parts->key), "key");
    must(cmaw_es384_sign(parts->key, &parts->message, 1, parts->signature), "signature");
    must(cmaw_rsa_generate(&parts->recipient), "RSA key");
    must(cmaw_random(parts->material_id, sizeof parts->material_id), "random");
    must(cmaw_secret_copy(CMAW_SLICE_ARRAY(parts->material_id), &parts->material), "material");
    must(cmaw_kms_blob_seal(&parts->material, CMAW_SLICE_ARRAY(parts->material_id), CMAW_SLICE_EMPTY,
                            CMAW_SLICE_ARRAY(parts->material_id), &parts->blob), "blob");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        bench_die("usage: kms_bench DOCUMENT");
    }
    CMAW_BUF_AUTO(file, CMAW_DOC_SIZE_MAX);
    struct parts parts = {.blob = CMAW_BUF(CMAW_KMS_BLOB_MAX)};
    prepare(argv[1], &file, &parts);
    (void)printf("{\"document_us\": %.1f, \"signatures_us\": %.1f, \"envelope_us\": %.1f, \"oaep_us\": %.1f, \"blob_us\": %.1f}\n",
                 median_us(verify_document, &parts), median_us(check_signatures, &parts), median_us(make_envelope, &parts),
                 median_us(encrypt_oaep, &parts), median_us(open_blob, &parts));
    cmaw_ec_key_free(parts.key);
    cmaw_rsa_key_free(parts.recipient);
    cmaw_secret_release(&parts.material);
    cmaw_buf_free(&parts.blob);
    return 0;
}
