/* sst1-vectors FILE…: runs files of test vectors of SST/1. What a file or a case is for is decided by its keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sst1/load.h"
#include "tests/sst1/vec.h"

/* In a list of the file's root under section, an element that has the key is a case for run. The first match counts. */
struct list_kind {
    const char *section;
    const char *key;
    vec_case_fn *run;
};
static const struct list_kind list_kinds[] = {
    {"cases", "ctx", vec_ctx},
    {"cases", "okm", vec_kdf},
    {"cases", "plaintext_unit", vec_seal},
    {"cases", "agent_state", vec_commit},
    {"cases", "root_sha256", vec_lock},
    {"salts", "random32", vec_salt},
    {"roles", "tsk", vec_role_keys},
    {"edges", "state_key", vec_edge_keys},
    {"valid", "plan", vec_plan_valid},
    {"valid", "manifest", vec_manifest_valid},
    {"invalid", "plan", vec_plan_invalid},
    {"invalid", "manifest", vec_manifest_invalid},
    {"canonical", "message", vec_canonical},
    {"refused", "message", vec_refused},
    {"grants", "sealed", vec_grant},
    {"states", "size_class", vec_state},
    {"must_fail", "grant", vec_grant_fail},
    {"must_fail", "cert", vec_birth_fail},
    {"must_fail", "state", vec_state_fail},
    {"receipts", "cose", vec_receipt},
    {"variants", "replace", vec_step},
    {"variants", "bundle", vec_bundle_variant},
    {"variants", "evidence", vec_run_variant},
    {"variants", "receipt", vec_failure_variant},
    {"variants", "state", vec_failure_variant},
    {"pins", "known", vec_pin},
};

/* A root that has one of these keys is a case itself, and fails where the others are missing. */
struct root_kind {
    const char *keys[3];
    vec_case_fn *run;
};
static const struct root_kind root_kinds[] = {
    {{"workflow_id", "ticket", "ticket"}, vec_objects},
    {{"cose", "claims", "sig_structure"}, vec_birth},
    {{"bundle", "pk", "bundle"}, vec_bundle},
    {{"receipt", "secret", "receipt"}, vec_failure},
    {{"parts", "disclosures", "parts"}, vec_run_parts},
    {{"parts", "disclosures", "parts"}, vec_run_opened},
};

static void fail_file(struct vec *v, const char *what, const char *section)
{
    (void)snprintf(v->name, sizeof v->name, "%.100s", section);
    (void)snprintf(v->trouble, sizeof v->trouble, "%s", what);
    vec_fail(v);
}

static bool run_item(struct vec *v, const char *section, size_t index, const json_t *item)
{
    for (size_t k = 0; k < sizeof list_kinds / sizeof list_kinds[0]; k++) {
        const struct list_kind *kind = &list_kinds[k];
        if (strcmp(kind->section, section) == 0 && vec_has(item, kind->key)) {
            vec_begin(v, section, index, item);
            kind->run(v, item);
            vec_end(v);
            return true;
        }
    }
    return false;
}

static bool is_section(const char *name)
{
    for (size_t k = 0; k < sizeof list_kinds / sizeof list_kinds[0]; k++) {
        if (strcmp(list_kinds[k].section, name) == 0) {
            return true;
        }
    }
    return false;
}

static void run_lists(struct vec *v)
{
    const char *section;
    json_t *list;
    json_object_foreach(v->root, section, list) {
        if (!is_section(section)) {
            continue;
        }
        if (!json_is_array(list)) {
            fail_file(v, "is no list of cases", section);
        }
        size_t index;
        json_t *item;
        json_array_foreach(list, index, item) {
            if (!run_item(v, section, index, item)) {
                vec_begin(v, section, index, item);
                (void)vec_check(v, false, "no kind of case that is known");
                vec_end(v);
            }
        }
    }
}

static void run_root(struct vec *v)
{
    for (size_t k = 0; k < sizeof root_kinds / sizeof root_kinds[0]; k++) {
        const struct root_kind *kind = &root_kinds[k];
        if (vec_has(v->root, kind->keys[0]) || vec_has(v->root, kind->keys[1]) || vec_has(v->root, kind->keys[2])) {
            vec_begin(v, kind->keys[0], 0, v->root);
            kind->run(v, v->root);
            vec_end(v);
        }
    }
    const json_t *cases = json_object_get(v->root, "cases");
    if (vec_has(json_array_get(cases, 0), "agent_state")) {
        vec_begin(v, "cases", json_array_size(cases), v->root);
        vec_commits_differ(v, v->root);
        vec_end(v);
    }
}

static void run_file(const char *path, unsigned *passed, unsigned *failed)
{
    json_error_t error;
    const char *slash = strrchr(path, '/');
    struct vec v = {.file = slash == NULL ? path : slash + 1, .root = vec_load(path, &error)};
    if (!json_is_object(v.root)) {
        fail_file(&v, v.root == NULL ? error.text : "no JSON object", "");
    } else {
        run_root(&v);
        run_lists(&v);
        if (v.passed + v.failed == 0) {
            fail_file(&v, "no case in it that is known", "");
        }
    }
    json_decref(v.root);
    *passed += v.passed;
    *failed += v.failed;
}

/* Where the build runs it: the shared vectors, or exit 77 (skipped) where they are not. */
static int run_shared(const char *source_root)
{
    static const char *const names[] = {"birth", "bundle", "commit", "ctx", "evidence", "failure", "grant", "kdf", "keys", "lock",
        "manifests", "objects", "plans", "protobuf", "receipt", "run", "seal", "state", "step"};
    const char *shared = getenv("CMAW_SHARED");
    unsigned passed = 0;
    unsigned failed = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s%s/vectors/sst1/%s.json", shared != NULL ? shared : source_root,
            shared != NULL ? "" : "/../shared", names[i]);
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            printf("no vectors at %s: set CMAW_SHARED\n", path);
            return failed > 0 ? 1 : 77;
        }
        (void)fclose(file);
        run_file(path, &passed, &failed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    unsigned passed = 0;
    unsigned failed = 0;
    if (argc == 3 && strcmp(argv[1], "--shared-beside") == 0) {
        return run_shared(argv[2]);
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        (void)fprintf(argc < 2 ? stderr : stdout, "usage: sst1-vectors FILE…\n"
            "runs files of SST/1 test vectors; prints a line for each case that fails, and the totals\n");
        return argc < 2 ? 2 : 0;
    }
    for (int i = 1; i < argc; i++) {
        run_file(argv[i], &passed, &failed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}
