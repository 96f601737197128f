#include "short_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/secret.h"

enum { WATCHED_MAX = 16 };

struct watched {
    const char *name;
    struct cmaw_slice bytes;
};
static struct watched watched[WATCHED_MAX];
static size_t watched_count;

struct state {
    bool on;
    size_t asked;
    size_t fail_at;
    enum short_memory how;
};
static _Thread_local struct state state;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *block);
int __real_vasprintf(char **ret_text, const char *format, va_list args);
enum cmaw_err __real_cmaw_secret_new(size_t size, struct cmaw_secret *ret_secret);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
int __wrap_vasprintf(char **ret_text, const char *format, va_list args);
enum cmaw_err __wrap_cmaw_secret_new(size_t size, struct cmaw_secret *ret_secret);

void short_memory_begin(size_t fail_at, enum short_memory how)
{
    state = (struct state){true, 0, fail_at, how};
}

size_t short_memory_end(void)
{
    state.on = false;
    return state.asked;
}

void short_memory_watch(const char *name, struct cmaw_slice secret)
{
    if (watched_count == WATCHED_MAX) {
        abort();
    }
    watched[watched_count++] = (struct watched){name, secret};
}

/* A break point for a debugger. */
[[gnu::noinline]] static bool ran_out(void)
{
    __asm__ volatile("" ::: "memory");
    return true;
}

static bool fails(void)
{
    if (!state.on) {
        return false;
    }
    state.asked++;
    return state.fail_at > 0 && (state.how == SHORT_ONCE ? state.asked == state.fail_at : state.asked >= state.fail_at) && ran_out();
}

void short_memory_watch_none(void)
{
    watched_count = 0;
}

static void look(const void *block)
{
    const size_t size = malloc_usable_size((void *)(uintptr_t)block);
    for (size_t i = 0; i < watched_count; i++) {
        if (memmem(block, size, watched[i].bytes.data, watched[i].bytes.size) != NULL) {
            fprintf(stderr, "memory was given back with %s in it, at allocation %zu\n", watched[i].name, state.fail_at);
            abort();
        }
    }
}

/* Zeroed, so that what is found in a block was written to it. */
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_calloc(1, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void __wrap_free(void *block)
{
    if (block != NULL) {
        look(block);
    }
    __real_free(block);
}

void *__wrap_realloc(void *block, size_t size)
{
    if (fails()) {
        return NULL;
    }
    void *bigger = __real_calloc(1, size);
    if (block != NULL && bigger != NULL) {
        const size_t old = malloc_usable_size(block);
        memcpy(bigger, block, old < size ? old : size);
        __wrap_free(block);
    }
    return bigger;
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list args)
{
    return fails() ? -1 : __real_vasprintf(ret_text, format, args);
}

enum cmaw_err __wrap_cmaw_secret_new(size_t size, struct cmaw_secret *ret_secret)
{
    return fails() ? CMAW_E_NO_MEMORY : __real_cmaw_secret_new(size, ret_secret);
}

static void *openssl_malloc(size_t size, const char *, int)
{
    return __wrap_malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *, int)
{
    return __wrap_realloc(block, size);
}

static void openssl_free(void *block, const char *, int)
{
    __wrap_free(block);
}

/* Before the constructor of lib/crypto: once libcrypto has allocated, it takes no other functions. */
[[gnu::constructor(101)]] static void start(void)
{
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) {
        abort();
    }
}
