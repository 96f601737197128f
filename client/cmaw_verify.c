/* cmaw-verify: checks an evidence file. No network, no threads, no secrets: what it does not need, it gives up first. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/terminal.h"
#include "client/unsigned.h"
#include "client/verify_confine.h"
#include "client/when.h"
#include "lib/base/diag.h"
#include "lib/base/text.h"
#include "lib/sst/verify.h"
#include "sys/file.h"

struct args {
    const char *file;
    const char *manifest_hash;
    const char *show;
    bool json;
    bool accept_unsigned;
};

static void print_help(void)
{
    (void)printf("usage: cmaw-verify FILE --manifest-hash HEX [--json | --show EDGE] [" CMAW_UNSIGNED_SWITCH "]\n\n"
                 "Checks that a run happened as its evidence says, under the manifest of that hash. Needs no network and no secret.\n"
                 "--show EDGE prints, once all is checked, what was disclosed on that edge, and nothing else.\n"
                 CMAW_UNSIGNED_SWITCH " takes attestation documents of QEMU's machine, which nobody signs:\n"
                 "what rests on them is not attested, and the output says so.\n"
                 "Exit code 0: it did; 1: it did not, or the file is damaged, or does not disclose that edge; 2: usage.\n\n"
                 "example: cmaw-verify run.evidence --manifest-hash \"$MANIFEST_HASH\"\n");
}

static enum cmaw_err parse_args(int argc, char **argv, struct args *args, struct cmaw_diag *diag)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--manifest-hash") == 0 && i + 1 < argc) {
            args->manifest_hash = argv[++i];
        } else if (strcmp(argv[i], "--show") == 0 && i + 1 < argc) {
            args->show = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0) {
            args->json = true;
        } else if (strcmp(argv[i], CMAW_UNSIGNED_SWITCH) == 0) {
            args->accept_unsigned = true;
        } else if (argv[i][0] != '-' && args->file == NULL) {
            args->file = argv[i];
        } else {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "unexpected word %.80s", argv[i]);
        }
    }
    if (args->file == NULL || args->manifest_hash == NULL) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "missing %s", args->file == NULL ? "FILE" : "--manifest-hash HEX");
    }
    CMAW_REQUIRE(!args->json || args->show == NULL, cmaw_diag_set(diag, CMAW_E_USAGE, "--json or --show EDGE, not both"));
    return CMAW_OK;
}

/* The size is checked before anything is read. */
static enum cmaw_err read_evidence(const char *path, struct cmaw_buf *bytes, struct cmaw_diag *diag)
{
    struct stat info;
    CMAW_FD_AUTO(fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "cannot open %s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode) || info.st_size > CMAW_EVIDENCE_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%s is no file of at most %d bytes", path, CMAW_EVIDENCE_MAX);
    }
    return cmaw_file_read_fd(fd, path, bytes, diag);
}

static void put_name(struct cmaw_slice name)
{
    (void)printf("%.*s", (int)name.size, (const char *)name.data);
}

static const char *binding(uint32_t bound)
{
    switch (bound & (CMAW_BOUND_STATE | CMAW_BOUND_DISCLOSURE)) {
    case CMAW_BOUND_STATE | CMAW_BOUND_DISCLOSURE:
        return "the sealed state and what it contained are in this file, and are the receipts' (that the one contains the other is the owner's word)";
    case CMAW_BOUND_STATE:
        return "the sealed state in this file is the one of the receipts";
    case CMAW_BOUND_DISCLOSURE:
        return "what it contained is in this file and is the receipts'";
    default:
        return "only the receipts' digests are known";
    }
}

static void print_steps(const struct cmaw_verified_run *run)
{
    for (size_t i = 0; i < run->plan.step_count; i++) {
        const struct cmaw_plan_step *step = &run->plan.steps[i];
        const struct cmaw_role *role = cmaw_manifest_role(&run->manifest, step->role);
        (void)printf("  step ");
        put_name(step->name);
        (void)printf(": done by an enclave of role ");
        put_name(role->name);
        char started[CMAW_WHEN_SIZE], finished[CMAW_WHEN_SIZE];
        cmaw_when_text(run->steps[i].started_ms, started);
        cmaw_when_text(run->steps[i].finished_ms, finished);
        (void)printf(", attempt %u, from %s to %s by its own clock\n", run->steps[i].attempt, started, finished);
    }
}

static void print_edges(const struct cmaw_verified_run *run)
{
    for (size_t i = 0; i < run->plan.edge_count; i++) {
        const struct cmaw_plan_edge *edge = &run->plan.edges[i];
        const bool unbound = run->edges[i].bound == 0 && (edge->from == 0 || edge->to == 0);
        (void)printf("  edge ");
        put_name(edge->name);
        (void)printf(": %s%s\n", binding(run->edges[i].bound), unbound ? " (UNBOUND: nothing here says what it was)" : "");
    }
}

static enum cmaw_err print_text(const struct cmaw_verified_run *run)
{
    char text[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&run->header.run_id), text, sizeof text));
    (void)printf("PASS run %s of workflow ", text);
    put_name(run->plan.name);
    if (run->unsigned_count > 0) {
        (void)printf("\nINSECURE: " CMAW_UNSIGNED_NOTE "; %u of %u documents", run->unsigned_count, run->doc_count);
    }
    (void)printf("\n\n%s, under the manifest that you named and the attestation root in it:\n",
                 run->unsigned_count > 0 ? "claimed by documents of which some are unsigned" : "proven");
    CMAW_TRY(cmaw_hex_to_cstr(run->manifest.attestation_root, text, sizeof text));
    (void)printf("  every step of the plan was done exactly once in this evidence, by an enclave that was measured as the manifest says\n"
                 "  every state that one step gave, the next one took, unchanged; all belong to this run\n");
    print_steps(run);
    print_edges(run);
    (void)printf("\nnot proven:\n"
                 "  that root %s is one to trust: AWS's is 641a0321…, anything else is a private one or a simulation\n"
                 "  that the answer is right: these images ran, and what they do is for their sources to say\n"
                 "  that no step was also done at another time, with another result: the host may run a step several times\n"
                 "  that nobody else knows the content: that is for the owner to check (cmaw verify)\n", text);
    return CMAW_OK;
}

static enum cmaw_err print_json(const struct cmaw_verified_run *run)
{
    char text[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&run->header.run_id), text, sizeof text));
    (void)printf("{\"verified\": true, \"run_id\": \"%s\", ", text);
    if (run->unsigned_count > 0) {
        (void)printf("\"" CMAW_UNSIGNED_KEY "\": %u, ", run->unsigned_count);
    }
    CMAW_TRY(cmaw_hex_to_cstr(run->manifest.attestation_root, text, sizeof text));
    (void)printf("\"workflow\": \"%.*s\", \"attestation_root\": \"%s\", \"steps\": [", (int)run->plan.name.size, (const char *)run->plan.name.data, text);
    for (size_t i = 0; i < run->plan.step_count; i++) {
        const struct cmaw_slice name = run->plan.steps[i].name;
        (void)printf("%s{\"name\": \"%.*s\", \"attempt\": %u}", i == 0 ? "" : ", ", (int)name.size, (const char *)name.data,
                     run->steps[i].attempt);
    }
    (void)printf("], \"edges\": [");
    for (size_t i = 0; i < run->plan.edge_count; i++) {
        const struct cmaw_slice name = run->plan.edges[i].name;
        (void)printf("%s{\"name\": \"%.*s\", \"state\": %s, \"disclosed\": %s}", i == 0 ? "" : ", ", (int)name.size, (const char *)name.data,
                     run->edges[i].bound & CMAW_BOUND_STATE ? "true" : "false", run->edges[i].bound & CMAW_BOUND_DISCLOSURE ? "true" : "false");
    }
    (void)printf("]}\n");
    return CMAW_OK;
}

/* The content alone, so that it can be piped on. Its edge is named by the plan; where two edges share a name, the first one disclosed. */
static enum cmaw_err print_disclosed(const struct cmaw_verified_run *run, const char *name, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < run->plan.edge_count; i++) {
        const struct cmaw_verified_edge *edge = &run->edges[i];
        if (cmaw_slice_eq_cstr(run->plan.edges[i].name, name) && (edge->bound & CMAW_BOUND_DISCLOSURE) != 0) {
            struct cmaw_agent_state state;
            CMAW_TRY(cmaw_agent_state_parse(run->evidence->disclosures[edge->disclosure].agent_state, &state));
            return cmaw_terminal_print(stdout, state.content);
        }
    }
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the evidence holds, and discloses nothing on an edge %.80s", name);
}

static enum cmaw_err print_run(const struct cmaw_verified_run *run, const struct args *args, struct cmaw_diag *diag)
{
    if (args->show != NULL) {
        return print_disclosed(run, args->show, diag);
    }
    return args->json ? print_json(run) : print_text(run);
}

static void print_failure(const struct cmaw_finding *finding, const struct args *args)
{
    if (args->show == NULL) { /* what stands there would be taken for the content */
        const char *insecure = args->json ? "\"" CMAW_UNSIGNED_KEY "\": null, " : "INSECURE: " CMAW_UNSIGNED_NOTE "\n";
        (void)printf(args->json ? "{\"verified\": false, %s\"check\": \"%s\"}\n" : "%sFAIL %s\n", args->accept_unsigned ? insecure : "",
                     finding->check == NULL ? "form" : finding->check);
    }
}

static enum cmaw_err verify(const struct args *args, struct cmaw_diag *diag)
{
    struct cmaw_bytes32 mh;
    if (cmaw_hex_decode_exact(cmaw_slice_of_cstr(args->manifest_hash), mh.bytes, sizeof mh.bytes) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--manifest-hash is not 64 lower-case hex digits");
    }
    cmaw_unsigned_warn(args->accept_unsigned);
    CMAW_BUF_AUTO(bytes, CMAW_EVIDENCE_MAX);
    CMAW_TRY(read_evidence(args->file, &bytes, diag));
    struct cmaw_evidence *evidence = calloc(1, sizeof *evidence);
    CMAW_REQUIRE(evidence != NULL, CMAW_E_NO_MEMORY);
    struct cmaw_verified_run *run = NULL;
    struct cmaw_finding finding = {0};
    enum cmaw_err err = cmaw_run_verify_bytes(cmaw_buf_slice(&bytes), &mh, cmaw_unsigned_trust(args->accept_unsigned), evidence, &run, &finding);
    if (err == CMAW_OK) {
        err = print_run(run, args, diag);
        cmaw_verified_run_free(run);
    } else {
        print_failure(&finding, args);
        cmaw_unsigned_hint(&finding, diag);
        err = cmaw_diag_set(diag, err, "the evidence does not hold: %s", finding.text[0] == '\0' ? cmaw_err_text(err) : finding.text);
    }
    free(evidence);
    return err;
}

int main(int argc, char **argv)
{
    struct args args = {0};
    struct cmaw_diag diag = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help();
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            (void)printf("cmaw-verify %s\n", CMAW_VERSION);
            return 0;
        }
    }
#ifdef CMAW_CONFINE
    if (cmaw_verify_confine() != CMAW_OK) {
        (void)fprintf(stderr, "cmaw-verify: this kernel does not let a process give up system calls\n");
        return 1;
    }
#endif
    enum cmaw_err err = parse_args(argc, argv, &args, &diag);
    if (err == CMAW_E_USAGE) {
        cmaw_diag_hint(&diag, "cmaw-verify --help");
    }
    err = err != CMAW_OK ? err : verify(&args, &diag);
    if (err == CMAW_OK && fflush(stdout) != 0) {
        err = CMAW_E_IO;
    }
    if (err != CMAW_OK) {
        (void)fflush(stdout);
        cmaw_diag_print(&diag, "cmaw-verify", err);
    }
    return cmaw_exit_code(err);
}
