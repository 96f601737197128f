/* The emulator's word on a call, for tests that cannot include its headers. */
#ifndef CMAW_TEST_DEVD_VERDICT_H
#define CMAW_TEST_DEVD_VERDICT_H

#include <jansson.h>
#include <stdbool.h>

/* A key policy that the emulator would store, or NULL. The caller owns it. */
json_t *devd_key_policy(const char *text);
/* Whether arn (of account 111122223333 or another) may do action on the key of that ARN, with an identity policy that allows it everything. keys:
 * lower-case condition keys with arrays of texts, without those that say who calls. */
bool devd_allows(json_t *policy, const char *arn, const char *action, const char *key_arn, json_t *keys);

#endif
