/* What the image says about itself: /etc/cmaw/enclave.conf, written by cmaw-image and measured into PCR0 and PCR2.
 * It is read strictly all the same: an unknown, missing or repeated key, or a number out of range, ends the boot. Where KMS is, is said by
 * one of kms.host and kms.fips; only kms.deadline_s and agent.workdir (the root) may be absent. */
#ifndef CMAW_ENCLAVE_CONF_H
#define CMAW_ENCLAVE_CONF_H

#include "lib/base/bytes.h"

enum {
    CMAW_CONF_MAX = 16 * 1024, /* bytes of the file */
    CMAW_CONF_WORDS_MAX = 64,  /* words of the command, and entries of its environment */
    CMAW_CONF_KMS_DEADLINE_S = 20,
};

struct cmaw_agent_limits {
    uint32_t memory_mib; /* that one agent process may write to */
    uint32_t processes;  /* threads count as processes */
    uint32_t open_files;
    uint32_t cpu_s;      /* of one agent process */
    uint32_t output_kib; /* of standard output */
    uint32_t tmp_kib;    /* of /tmp, and of any one file */
};

struct cmaw_conf {
    char *agent_args[CMAW_CONF_WORDS_MAX + 1]; /* ends in NULL; the first is an absolute path inside /agent */
    char *agent_env[CMAW_CONF_WORDS_MAX + 1];  /* NAME=VALUE, ends in NULL; no name starts with CMAW_ */
    const char *agent_workdir;                 /* absolute path inside /agent where it starts */
    bool agent_proto;                          /* io: proto, else raw */
    const char *content_type;                  /* of raw output */
    struct cmaw_agent_limits limits;
    uint8_t attestation_root[32]; /* SHA-256 of the root certificate */
    const char *kms_host;         /* NULL: the regional endpoint of the role's key … */
    bool kms_fips;                /* … or its FIPS endpoint */
    uint32_t kms_deadline_s;      /* of all KMS calls of one Provision or Configure */
    bool debug;
    char text[CMAW_CONF_MAX + 1]; /* what the pointers above point into */
};

/* Fills ret_conf, which must not be moved or copied afterwards. MALFORMED or TOO_LARGE; *ret_conf is undefined then. */
enum cmaw_err cmaw_conf_parse(struct cmaw_slice text, struct cmaw_conf *ret_conf);

#endif
