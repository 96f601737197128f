/* Random UUIDs (RFC 4122 version 4), as keys, requests and events have them. */
#ifndef CMAW_DEV_UUID_H
#define CMAW_DEV_UUID_H

#include "lib/base/error.h"

enum { CMAW_UUID_SIZE = 36 }; /* characters */

enum cmaw_err cmaw_uuid_new(char ret_uuid[static CMAW_UUID_SIZE + 1]);

#endif
