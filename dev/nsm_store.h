/* Enclaves of the NSM simulator in the database: their registers outlive a restart of cmaw-devd. */
#ifndef CMAW_DEV_NSM_STORE_H
#define CMAW_DEV_NSM_STORE_H

#include "dev/nsm_sim.h"

struct sqlite3;

enum { CMAW_NSM_TOKEN_SIZE = 32 }; /* characters */

/* Reads what follows "NEW ": <module_id> <debug 0|1> <pcr0> <pcr1> <pcr2> <pcr3|-> <pcr4|-> <pcr8|->, hex. In debug mode
 * PCR 0, 1, 2 and 8 become zero. MALFORMED; hostile input. */
enum cmaw_err cmaw_nsm_parse_new(const char *text, struct cmaw_nsm_instance *ret_instance);

/* All of these run inside cmaw_store_begin. */
enum cmaw_err cmaw_nsm_insert(struct sqlite3 *db, const struct cmaw_nsm_instance *instance,
                              char ret_token[static CMAW_NSM_TOKEN_SIZE + 1]);
/* NOT_FOUND. */
enum cmaw_err cmaw_nsm_load(struct sqlite3 *db, const char *token, struct cmaw_nsm_instance *ret_instance);
enum cmaw_err cmaw_nsm_save(struct sqlite3 *db, const char *token, const struct cmaw_nsm_instance *instance);

#endif
