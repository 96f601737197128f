/* An enclave that has just booted, on a platform of this test's: a module of one register that may fail or lie, connections that the test
 * hands over. The world of sst_group.h must be there. */
#ifndef CMAW_TESTS_ENCLAVE_WORLD_H
#define CMAW_TESTS_ENCLAVE_WORLD_H

#include "enclave/enclave.h"
#include "sst_group.h"

enum module_fault { HONEST, EXTEND_REFUSED, EXTEND_LOST, LOCK_REFUSED, LEFT_UNLOCKED, OTHER_VALUE, DESCRIBE_REFUSED, FAULTS };

struct module {
    enum module_fault fault;
    uint8_t value[CMAW_NSM_PCR_SIZE];
    bool locked;
    unsigned extended;
    unsigned asked;
};

/* What cmaw_platform_end does; it must not return. */
extern void (*enclave_on_end)(int status);
/* Where cmaw_platform_accept reads descriptors from; CLOSED at its end. */
extern int enclave_accepts;

/* An enclave of role 1's image. */
struct cmaw_enclave *enclave_new(struct module *module);
void enclave_drop(struct cmaw_enclave *enclave);

#endif
