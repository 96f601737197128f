/* Requests from the host (ARCHITECTURE.md, "The boundary"): one thread a connection, one request at a time on each. */
#ifndef CMAW_ENCLAVE_SERVER_H
#define CMAW_ENCLAVE_SERVER_H

#include "enclave/enclave.h"

/* Accepts until the platform says that there will be no more connections. */
enum cmaw_err cmaw_server_run(struct cmaw_enclave *enclave);

#endif
