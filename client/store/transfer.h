/* A file that carries runs from one run store to another, sealed as a whole under a passphrase of its own:
 *
 *   "cmaw-runs/1\n"          12 bytes
 *   kdf                      28 bytes: scrypt's u32be log_n (10..17), u32be r (8), u32be p (1..4), salt of 16 bytes
 *   lp(sealed head)          label "export-head":   u32be(bundles) u32be(runs)
 *   lp(sealed bundle)...     label "export-bundle", id u32be(index): a Bundle (PROTOCOL.md section 4), those pinned first come first
 *   lp(sealed run)...        label "export-run",    id u32be(index): as cmaw_transfer_run_encode writes it; the oldest comes first
 *
 * lp is u32be(size) and the bytes. sealed is PROTOCOL.md section 3's content encryption under the key that scrypt gives, with the context
 * "cmaw-store/1 " lp(label) lp(id): nothing can be changed, cut off, added or put in another order without the passphrase. What is read from such a
 * file is hostile all the same: whoever gave it away knows the passphrase. */
#ifndef CMAW_CLIENT_STORE_TRANSFER_H
#define CMAW_CLIENT_STORE_TRANSFER_H

#include "client/store/store.h"

enum { CMAW_TRANSFER_MAX = 256 * 1024 * 1024 }; /* bytes of a file */

/* The file while it is read: slices point into it. */
struct cmaw_transfer {
    struct cmaw_slice kdf;
    struct cmaw_slice head; /* sealed */
    struct cmaw_reader rest;
};
/* Hostile. MALFORMED; UNSUPPORTED for another version. */
enum cmaw_err cmaw_transfer_parse(struct cmaw_slice file, struct cmaw_transfer *ret_transfer);
/* The next sealed part. MALFORMED if there is none. */
enum cmaw_err cmaw_transfer_next(struct cmaw_transfer *transfer, struct cmaw_slice *ret_sealed);
void cmaw_transfer_begin(struct cmaw_slice kdf, struct cmaw_buf *file);

struct cmaw_transfer_run {
    struct cmaw_run_record record;
    struct cmaw_buf secrets;   /* packed; nothing if they were shredded */
    uint64_t shredded_ms;      /* 0: they were not */
};
void cmaw_transfer_run_free(struct cmaw_transfer_run *run);
#define CMAW_TRANSFER_RUN_AUTO(name) [[gnu::cleanup(cmaw_transfer_run_free)]] struct cmaw_transfer_run name = {0}
/* run_id mh, lp of workflow_id request_id name address ns code, u8(status) u64be(created_ms) u64be(ended_ms) u64be(shredded_ms), lp of plan ticket inputs
 * result secrets. */
void cmaw_transfer_run_encode(const struct cmaw_transfer_run *run, struct cmaw_buf *buf);
/* Hostile. Texts are printable ASCII within their limits, the workflow id is that of the run id, secrets are well formed. MALFORMED, TOO_LARGE. */
enum cmaw_err cmaw_transfer_run_decode(struct cmaw_slice bytes, struct cmaw_transfer_run *ret_run);

/* What is exported: the runs of these ids (32 bytes each, one after the other) and the deployments that are pinned for them; with all, every deployment. */
struct cmaw_export {
    struct cmaw_slice run_ids;
    bool all;
    struct cmaw_slice passphrase;
};
/* Appends the file. The store must be unlocked. TOO_LARGE with a hint over CMAW_TRANSFER_MAX. */
enum cmaw_err cmaw_store_export(struct cmaw_store *store, const struct cmaw_export *request, struct cmaw_buf *file, struct cmaw_diag *diag);

struct cmaw_import {
    struct cmaw_slice file;
    struct cmaw_slice passphrase;
    struct cmaw_slice trusted; /* hashes of manifests (32 bytes each) that the caller names to be pinned from the file */
};
struct cmaw_import_result {
    size_t added;
    size_t known;     /* were here already, with the same content */
    size_t completed; /* were here already, without their end */
    size_t shredded;  /* were shredded here, and stay so */
    size_t pinned;    /* deployments */
    size_t unsigned_documents; /* behind the keys of those pinned */
    struct cmaw_buf untrusted; /* hashes of manifests of the runs that are not pinned here; free it */
};
/* Brings the runs of the file into the unlocked store, all or none; doing it again changes nothing. Pins no deployment but those in trusted, which open
 * their runs but never come before one that was pinned here by cmaw_store_pin. AUTH: wrong passphrase, or the file was changed; EXISTS: a run of that id is here with
 * another content; NOT_FOUND: a hash in trusted is not in the file; MALFORMED. */
enum cmaw_err cmaw_store_import(struct cmaw_store *store, const struct cmaw_import *request, struct cmaw_import_result *ret_result,
                                struct cmaw_diag *diag);

#endif
