/* Who may call the codec endpoint, and what for: decided from a request's line and headers, before any of its body is kept. */
#ifndef CMAW_CLIENT_CODEC_ACCESS_H
#define CMAW_CLIENT_CODEC_ACCESS_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

enum { CMAW_CODEC_ORIGINS_MAX = 8, CMAW_CODEC_ORIGIN_SIZE = 300, CMAW_CODEC_TOKEN_BYTES = 32, CMAW_CODEC_TOKEN_SIZE = 2 * CMAW_CODEC_TOKEN_BYTES };

enum cmaw_codec_verb { CMAW_CODEC_NONE, CMAW_CODEC_ENCODE, CMAW_CODEC_DECODE };

struct cmaw_codec_access {
    struct cmaw_slice token; /* empty: none is asked for */
    bool plain;              /* served without TLS, so at a loopback address, which Host has to name */
    size_t origin_count;
    char origins[CMAW_CODEC_ORIGINS_MAX][CMAW_CODEC_ORIGIN_SIZE];
};

/* Adds "https://host:port", the one form in which browsers name an origin; a single slash behind it is dropped. USAGE, TOO_LARGE. */
enum cmaw_err cmaw_codec_access_add(struct cmaw_codec_access *access, const char *origin, struct cmaw_diag *diag);

/* What a request says of itself; NULL where it does not. Hostile. */
struct cmaw_codec_call {
    const char *method;
    const char *path; /* decoded, without the query */
    const char *origin;
    const char *authorization;
    const char *content_type;
    const char *host;
};

/* Statuses of HTTP that are decided here. */
enum cmaw_codec_status {
    CMAW_CODEC_OK = 200,
    CMAW_CODEC_PREFLIGHT = 204,
    CMAW_CODEC_UNAUTHORIZED = 401,
    CMAW_CODEC_FORBIDDEN = 403,
    CMAW_CODEC_NOT_FOUND = 404,
    CMAW_CODEC_METHOD = 405,
    CMAW_CODEC_MEDIA_TYPE = 415,
};

/* OK: its body may be read, for *ret_verb. The last part of the path is the verb, whatever stands before it (Temporal's codec protocol); the token is
 * the first part, or a bearer token. A page of another origin than those added is refused whatever else it brings, and so is one
 * that reached us by a name of its own (DNS rebinding), which TLS would have noticed. The token is compared in
 * constant time. */
enum cmaw_codec_status cmaw_codec_admit(const struct cmaw_codec_access *access, const struct cmaw_codec_call *call, enum cmaw_codec_verb *ret_verb);
/* Whether a browser may let a page of this origin see answers. */
bool cmaw_codec_origin_allowed(const struct cmaw_codec_access *access, const char *origin);

#endif
