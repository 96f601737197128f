/* An enclave of one role in threads of the test: the real frames, sockets and messages, made-up states. For tests of the worker. */
#ifndef CMAW_TESTS_FAKE_ENCLAVE_H
#define CMAW_TESTS_FAKE_ENCLAVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/unit/run_make.h"

enum { FAKE_CONNECTIONS_MAX = 64 };

struct fake_enclave {
    char path[108];
    uint32_t role;
    const struct cmaw_manifest *manifest;
    size_t content_size;      /* of the states that it gives */
    atomic_uint delay_ms;     /* of each step */
    atomic_uint fail_code;    /* what the next fail_times steps end with */
    atomic_uint fail_times;
    atomic_uint steps;        /* that were asked for */
    atomic_uint configured;   /* how often it was configured */
    const char *refused_key;  /* an access key id that KMS does not take, and what it says then; NULL: none */
    const char *refused_type;
    atomic_uint refused;      /* how often */
    atomic_uint gone;         /* connections that ended while a step ran */
    atomic_uint last_attempt;
    atomic_bool ready;
    int listener;
    pthread_t acceptor;
    pthread_mutex_t lock;
    atomic_uint connections;
    int fds[FAKE_CONNECTIONS_MAX];
};

/* Begins to listen, not configured. path, role, manifest and content_size must be set. */
void fake_enclave_start(struct fake_enclave *enclave);
/* As if it were killed: everything breaks, and it has forgotten that it was configured. */
void fake_enclave_stop(struct fake_enclave *enclave);

#endif
