/* The verbs of cmaw, one file each in client/verbs. argv[0] is the verb's name. Results go to standard output, everything
 * else to standard error. */
#ifndef CMAW_CLIENT_VERBS_H
#define CMAW_CLIENT_VERBS_H

#include "lib/base/diag.h"

/* X(name, group, summary); group "" is not shown in the help. */
#define CMAW_COMMANDS(X)                                                                          \
    X(up, "a local stack", "start Temporal, the KMS emulator, enclaves, proxy and worker")     \
    X(down, "a local stack", "stop them")                                                      \
    X(status, "a local stack", "show what runs, where")                                        \
    X(clean, "a local stack", "stop, and remove the stack's folder")                           \
    X(supervise, "", "keep the processes of a stack alive")                                    \
    X(agent, "a deployment", "make an agent, test one outside any enclave")                     \
    X(image, "a deployment", "build, describe or measure an enclave image")                    \
    X(manifest, "a deployment", "make or show a manifest: which images may act in which role") \
    X(provision, "a deployment", "set key policies, birth keys, write the bundle")             \
    X(credentials, "a deployment", "show which AWS credentials are found, and where")           \
    X(kms, "a deployment", "write or check the policies of KMS keys")                           \
    X(trust, "a deployment", "verify a bundle and pin it")                                     \
    X(run, "runs", "seal an input, run a workflow, verify it, open the result")                \
    X(submit, "runs", "seal an input and start a workflow")                                    \
    X(wait, "runs", "wait for the end of a run")                                               \
    X(open, "runs", "verify a finished run and open its result")                               \
    X(list, "runs", "list the runs of this store")                                             \
    X(verify, "runs", "prove confidentiality, attestation and integrity of a run") \
    X(evidence, "runs", "write what proves a run to anyone")                                    \
    X(codec, "runs", "show your runs in Temporal's web UI and command line")                   \
    X(store, "runs", "change the passphrase of the run store, export and import runs, shred one")     \
    X(attest, "other", "check an attestation document")                                         \
    X(completion, "other", "print what makes bash or zsh complete words of cmaw")              \
    X(complete, "", "say what could come next on a command line")                              \
    X(usage, "", "say what each verb takes, as JSON")

#define CMAW_COMMAND_DECLARE(name, group, summary) \
    enum cmaw_err cmaw_command_##name(int argc, char **argv, struct cmaw_diag *diag);
CMAW_COMMANDS(CMAW_COMMAND_DECLARE)
#undef CMAW_COMMAND_DECLARE

#endif
