#include "client/codec/access.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum cmaw_err cmaw_codec_access_add(struct cmaw_codec_access *access, const char *origin, struct cmaw_diag *diag)
{
    const char *host = strstr(origin, "://");
    size_t size = strlen(origin);
    if (host == NULL || (strncmp(origin, "http://", 7) != 0 && strncmp(origin, "https://", 8) != 0)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%.80s is not the address of a web page: http://HOST:PORT", origin);
    }
    host += 3;
    size -= origin[size - 1] == '/' && host[0] != '/' ? 1 : 0;
    const size_t host_size = size - (size_t)(host - origin);
    if (host_size == 0 || strcspn(host, "/?#@\\ \"") < host_size) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%.80s: only scheme, host and port, as in http://127.0.0.1:8233", origin);
    }
    if (access->origin_count == CMAW_CODEC_ORIGINS_MAX || size >= CMAW_CODEC_ORIGIN_SIZE) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "too many addresses of web pages, or one that is too long");
    }
    (void)snprintf(access->origins[access->origin_count++], CMAW_CODEC_ORIGIN_SIZE, "%.*s", (int)size, origin);
    return CMAW_OK;
}

bool cmaw_codec_origin_allowed(const struct cmaw_codec_access *access, const char *origin)
{
    for (size_t i = 0; origin != NULL && i < access->origin_count; i++) {
        if (strcmp(access->origins[i], origin) == 0) {
            return true;
        }
    }
    return false;
}

static enum cmaw_codec_verb verb_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *last = slash == NULL ? path : slash + 1;
    return strcmp(last, "decode") == 0 ? CMAW_CODEC_DECODE : strcmp(last, "encode") == 0 ? CMAW_CODEC_ENCODE : CMAW_CODEC_NONE;
}

/* The first part of the path that is not empty: some clients put a second slash behind an endpoint that ends in one. */
static struct cmaw_slice first_part(const char *path)
{
    const char *start = path + strspn(path, "/");
    return cmaw_slice_of(start, strcspn(start, "/"));
}

static struct cmaw_slice bearer(const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (authorization == NULL || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return CMAW_SLICE_EMPTY;
    }
    return cmaw_slice_of_cstr(authorization + sizeof scheme - 1);
}

static bool knows_token(const struct cmaw_codec_access *access, const struct cmaw_codec_call *call)
{
    return access->token.size == 0 || cmaw_ct_eq(bearer(call->authorization), access->token) || cmaw_ct_eq(first_part(call->path), access->token);
}

/* What a page may only send after the browser has asked us. */
static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    return content_type != NULL && strncasecmp(content_type, json, sizeof json - 1) == 0 && strchr("; \t", content_type[sizeof json - 1]) != NULL;
}

/* "localhost", "127.0.0.1:8234", "[::1]:8234". Who names no host is no browser. */
static bool names_loopback(const char *host)
{
    char name[sizeof "255.255.255.255"];
    struct in_addr four;
    if (host == NULL) {
        return true;
    }
    const size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (size > strlen(host) || (host[size] != '\0' && (host[size] != ':' || strspn(host + size + 1, "0123456789") != strlen(host + size + 1)))) {
        return false;
    }
    if (cmaw_slice_eq_cstr(cmaw_slice_of(host, size), "[::1]") || (size == 9 && strncasecmp(host, "localhost", size) == 0)) {
        return true;
    }
    return cmaw_slice_to_cstr(cmaw_slice_of(host, size), name, sizeof name) == CMAW_OK && inet_pton(AF_INET, name, &four) == 1 &&
           ntohl(four.s_addr) >> 24 == 127;
}

enum cmaw_codec_status cmaw_codec_admit(const struct cmaw_codec_access *access, const struct cmaw_codec_call *call, enum cmaw_codec_verb *ret_verb)
{
    const enum cmaw_codec_verb verb = verb_of(call->path);
    if (access->plain && !names_loopback(call->host)) {
        return CMAW_CODEC_FORBIDDEN;
    }
    if (call->origin != NULL && !cmaw_codec_origin_allowed(access, call->origin)) {
        return CMAW_CODEC_FORBIDDEN;
    }
    if (verb == CMAW_CODEC_NONE) {
        return CMAW_CODEC_NOT_FOUND;
    }
    if (strcmp(call->method, "OPTIONS") == 0 && call->origin != NULL) {
        return CMAW_CODEC_PREFLIGHT;
    }
    if (strcmp(call->method, "POST") != 0) {
        return CMAW_CODEC_METHOD;
    }
    if (!knows_token(access, call)) {
        return CMAW_CODEC_UNAUTHORIZED;
    }
    if (!is_json(call->content_type)) {
        return CMAW_CODEC_MEDIA_TYPE;
    }
    *ret_verb = verb;
    return CMAW_CODEC_OK;
}
