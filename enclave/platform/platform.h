/* What differs between a machine of its own and the simulation. Two libraries implement this, one links in: nitro (AF_VSOCK, /dev/nsm,
 * a bare initramfs), with host.h for a Nitro enclave or QEMU's machine; sim (descriptors 3 and 4 of the launcher). */
#ifndef CMAW_PLATFORM_PLATFORM_H
#define CMAW_PLATFORM_PLATFORM_H

#include "lib/attest/doc.h"

enum cmaw_tier { CMAW_TIER_NITRO, CMAW_TIER_SIM, CMAW_TIER_VM };

enum { CMAW_PORT_RPC = 5000, CMAW_PORT_KMS = 8000, CMAW_PORT_HEARTBEAT = 9000, CMAW_PORT_LOGS = 9001 };

/* How often the time is asked again: hourly (PROTOCOL.md section 6), or more often where the monotonic clock is a bad one. */
extern const uint32_t cmaw_platform_clock_renew_s;

enum cmaw_tier cmaw_platform_tier(void);
/* Which documents this enclave takes, its own and that of its key's birth: unsigned ones only where the platform gives no others. */
enum cmaw_doc_trust cmaw_platform_doc_trust(void);
/* First of all, in PID 1: file systems, kernel settings, and readiness to accept. Standard input, output and error lead nowhere
 * afterwards (in the simulation: where they did). */
enum cmaw_err cmaw_platform_start(void);
/* Has standard error lead to the console, for an image in debug mode. */
enum cmaw_err cmaw_platform_show_console(void);
/* The folder of a version 2 control group below which groups for agents can be made; NULL: none, errno says why. */
const char *cmaw_platform_cgroups(void);
/* A connected stream to a port of the host, close-on-exec. UNAVAILABLE, TIMEOUT, IO. Thread-safe. */
enum cmaw_err cmaw_platform_connect(uint32_t port, uint32_t timeout_ms, int *ret_fd);
/* Waits for the next connection to CMAW_PORT_RPC, close-on-exec. CLOSED when there will be none any more. One caller. */
enum cmaw_err cmaw_platform_accept(int *ret_fd);
/* The call of struct cmaw_nsm (context is not used). Thread-safe. */
enum cmaw_err cmaw_platform_nsm_call(void *context, struct cmaw_slice request, struct cmaw_buf *response);
/* Credits bytes of the NSM to the kernel's random generator. */
enum cmaw_err cmaw_platform_add_entropy(struct cmaw_slice bytes);
/* Ends the enclave; status 0 where that was asked for. */
[[gnu::noreturn]] void cmaw_platform_end(int status);

#endif
