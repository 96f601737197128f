/* What is left in memory when the KMS client has done its work, and what a changed envelope leads to. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/crypto/cms_make.h"
#include "lib/sst/keys.h"
#include "tests/unit/kms_peer.h"

enum { PATTERN_SIZE = 16, MASK = 0x5a, FOUND = 1, NOT_FOUND = 0, BROKEN = 2 };

/* A pattern that is searched in this process's memory, and so must not lie there itself. */
struct pattern {
    uint8_t masked[PATTERN_SIZE];
};

static struct pattern pattern_of(const void *bytes)
{
    struct pattern pattern;
    for (size_t i = 0; i < PATTERN_SIZE; i++) {
        pattern.masked[i] = ((const uint8_t *)bytes)[i] ^ MASK;
    }
    return pattern;
}

static bool holds(const uint8_t *bytes, size_t size, const struct pattern *pattern)
{
    const uint8_t *end = bytes + size;
    for (const uint8_t *at = bytes; (size_t)(end - at) >= PATTERN_SIZE; at++) {
        at = memchr(at, pattern->masked[0] ^ MASK, (size_t)(end - at) - PATTERN_SIZE + 1);
        if (at == NULL) {
            return false;
        }
        size_t same = 0;
        while (same < PATTERN_SIZE && (at[same] ^ MASK) == pattern->masked[same]) {
            same++;
        }
        if (same == PATTERN_SIZE) {
            return true;
        }
    }
    return false;
}

/* Reads memory as a file: a sanitizer would stop at what was freed, which is what matters here. */
static bool range_holds(int mem, uint64_t from, uint64_t to, const struct pattern *pattern)
{
    static uint8_t *block; /* outside of what is searched: made before the maps are read, and skipped */
    enum { BLOCK = 1 << 20 };
    block = block == NULL ? calloc(1, BLOCK) : block;
    for (uint64_t at = from; at < to;) {
        const size_t want = to - at < BLOCK ? (size_t)(to - at) : BLOCK;
        const ssize_t got = pread(mem, block, want, (off_t)at);
        if (got < PATTERN_SIZE) {
            return false;
        }
        const uint64_t own = (uint64_t)(uintptr_t)block;
        const bool is_own = at < own + BLOCK && own < at + (uint64_t)got;
        if (!is_own && holds(block, (size_t)got, pattern)) {
            cmaw_wipe(block, BLOCK);
            return true;
        }
        cmaw_wipe(block, BLOCK);
        at += (uint64_t)got - (got == (ssize_t)want && at + (uint64_t)got < to ? PATTERN_SIZE - 1 : 0);
    }
    return false;
}

static bool memory_holds(const struct pattern *pattern)
{
    bool found = false;
    char line[512], way[8];
    unsigned long from = 0, to = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    const int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    while (maps != NULL && mem >= 0 && fgets(line, sizeof line, maps) != NULL) {
        const bool read = sscanf(line, "%lx-%lx %7s", &from, &to, way) == 3;
        if (read && strncmp(way, "rw", 2) == 0 && to - from <= (64ul << 20)) { /* larger ones are a sanitizer's own */
            found |= range_holds(mem, from, to, pattern);
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    if (mem >= 0) {
        (void)close(mem);
    }
    return found;
}

static struct kms_peer peer;
static int connection = -1;

static enum cmaw_err dial_made(uint32_t timeout_ms, int *ret_fd)
{
    (void)timeout_ms;
    *ret_fd = connection;
    connection = -1;
    return *ret_fd < 0 ? CMAW_E_UNAVAILABLE : CMAW_OK;
}

/* In a process of its own, which never saw the server's secrets: decrypts, lets go of all, and looks. keep: it does not let go. */
static int look_after_decrypt(bool keep)
{
    static const char envelope[] = "\x17\x13\x1b\x1d\x19\x09\x2b\x1d\x09\x13\x38\x69\x1e\x0b\x1f\x12"; /* MIAGCSqGSIb3DQEH, masked */
    struct cmaw_kms_failure failure;
    struct pattern tsk_pattern, envelope_pattern;
    CMAW_SECRET_AUTO(tsk);
    memcpy(envelope_pattern.masked, envelope, PATTERN_SIZE);
    {
        CMAW_KMS_SESSION_AUTO(session);
        struct cmaw_kms kms = peer.kms;
        kms.dial = dial_made;
        if (cmaw_kms_open(&kms, &peer.key, &session, &failure) != CMAW_OK ||
            cmaw_kms_decrypt(&session, CMAW_SLICE_LIT("blob"), &tsk, &failure) != CMAW_OK) {
            return BROKEN;
        }
        tsk_pattern = pattern_of(tsk.bytes);
    }
    if (!keep) {
        cmaw_secret_release(&tsk);
    }
    const bool first = memory_holds(&tsk_pattern), second = memory_holds(&envelope_pattern);
    (void)fprintf(stderr, "key %s, envelope %s\n", first ? "found" : "gone", second ? "found" : "gone");
    return first || second ? FOUND : NOT_FOUND;
}

static int in_child(bool keep)
{
    struct kms_step good = {.secret = true};
    kms_peer_script(&peer, &good, 1);
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    connection = ends[0];
    const pid_t pid = fork(); /* before there is a second thread, which could hold a lock of the allocator */
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[1]);
        _exit(look_after_decrypt(keep));
    }
    (void)close(ends[0]);
    kms_peer_serve(&peer, ends[1]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    kms_peer_join(&peer);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void nothing_is_left_in_memory(void **state)
{
    (void)state;
    kms_peer_open(&peer);
    assert_int_equal(in_child(false), NOT_FOUND); /* the first: what the server did for one child, the next would inherit */
    assert_int_equal(in_child(true), FOUND);      /* so it would be seen */
    kms_peer_close(&peer);
}

/* A birth: what it committed to, and an answer of KMS that brings its key. */
struct birth {
    struct cmaw_rsa_key *rsa;
    struct cmaw_role_keys keys;
    struct cmaw_buf envelope;
};
static const uint8_t born_tsk[CMAW_KMS_TSK_SIZE] = {1, 2, 3};
static const struct cmaw_bytes32 born_mh = {{9}};

static void birth_make(struct birth *birth)
{
    *birth = (struct birth){.envelope = CMAW_BUF(8192)};
    assert_int_equal(cmaw_role_keys_derive(CMAW_SLICE_ARRAY(born_tsk), &born_mh, 1, &birth->keys), CMAW_OK);
    assert_int_equal(cmaw_rsa_generate(&birth->rsa), CMAW_OK);
    assert_int_equal(cmaw_cms_make(birth->rsa, CMAW_CMS_SEGMENTED, CMAW_SLICE_ARRAY(born_tsk), &birth->envelope), CMAW_OK);
}

static void birth_free(struct birth *birth)
{
    cmaw_rsa_key_free(birth->rsa);
    cmaw_role_keys_release(&birth->keys);
    cmaw_buf_free(&birth->envelope);
}

static void put_response(const struct birth *birth, struct cmaw_buf *response)
{
    CMAW_BUF_AUTO(body, 8192);
    cmaw_buf_put_cstr(&body, "{\"KeyId\":\"" KMS_ARN "\",\"EncryptionAlgorithm\":\"SYMMETRIC_DEFAULT\",\"CiphertextForRecipient\":\"");
    cmaw_buf_put_base64(&body, cmaw_buf_slice(&birth->envelope));
    cmaw_buf_put_cstr(&body, "\"}");
    cmaw_buf_printf(response, "HTTP/1.1 200 OK\r\nx-amzn-RequestId: id\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %zu\r\n\r\n",
                    body.size);
    cmaw_buf_put(response, cmaw_buf_slice(&body));
    assert_int_equal(cmaw_buf_err(response), CMAW_OK);
}

static const char *find_text(const struct cmaw_buf *text, const char *word)
{
    const char *found = memmem(text->data, text->size, word, strlen(word));
    assert_non_null(found);
    return found;
}

/* What Configure makes of an answer, from its first byte on. */
enum verdict { REFUSED, OTHER_KEY, RELEASED };

static enum verdict judge(const struct birth *birth, struct cmaw_slice bytes)
{
    CMAW_SECRET_AUTO(tsk);
    [[gnu::cleanup(cmaw_role_keys_release)]] struct cmaw_role_keys keys = {0};
    struct cmaw_http_response response;
    struct cmaw_kms_failure failure = {0};
    bool complete = false;
    if (cmaw_http_parse(bytes, &complete, &response) != CMAW_OK || !complete || response.status != 200) {
        return REFUSED;
    }
    if (cmaw_kms_take_data(birth->rsa, CMAW_SLICE_LIT(KMS_ARN), response.body, NULL, &tsk, &failure) != CMAW_OK) {
        assert_null(tsk.bytes);
        assert_string_equal(failure.type, "BadAnswer");
        return REFUSED;
    }
    assert_int_equal(cmaw_role_keys_derive(cmaw_secret_slice(&tsk), &born_mh, 1, &keys), CMAW_OK);
    return cmaw_bytes32_eq(&keys.tsk_commit, cmaw_bytes32_slice(&birth->keys.tsk_commit)) ? RELEASED : OTHER_KEY;
}

/* Changes of the IV and of the first block open to another key, because CBC does not authenticate; that is not the one that was
 * committed to, so Configure refuses it. */
static void no_changed_envelope_gives_the_committed_key(void **state)
{
    (void)state;
    [[gnu::cleanup(birth_free)]] struct birth birth;
    size_t counts[3] = {0};
    birth_make(&birth);
    for (size_t i = 0; i <= birth.envelope.size; i++) {
        CMAW_BUF_AUTO(response, 16384);
        const bool changed = i < birth.envelope.size;
        birth.envelope.data[changed ? i : 0] ^= changed;
        put_response(&birth, &response);
        birth.envelope.data[changed ? i : 0] ^= changed;
        counts[judge(&birth, cmaw_buf_slice(&response))]++;
    }
    assert_int_equal(counts[RELEASED], 1);   /* the one that was not changed */
    assert_int_equal(counts[OTHER_KEY], 32); /* the IV and the first block */
    assert_int_equal(counts[REFUSED], birth.envelope.size - 32);
}

/* The same for what carries it: a changed answer is refused, or says the same. */
static void no_changed_answer_gives_more_than_the_same_key(void **state)
{
    (void)state;
    [[gnu::cleanup(birth_free)]] struct birth birth;
    CMAW_BUF_AUTO(response, 16384);
    size_t counts[3] = {0};
    birth_make(&birth);
    put_response(&birth, &response);
    const char *body = find_text(&response, "{"), *envelope = find_text(&response, "MIA");
    for (char *at = (char *)response.data; at < (char *)response.data + response.size; at++) {
        *at ^= 1;
        const enum verdict verdict = judge(&birth, cmaw_buf_slice(&response));
        *at ^= 1;
        counts[verdict]++;
        const bool ignored = at < body || (at > find_text(&response, "Encryption") - 2 && at < find_text(&response, "CiphertextFor"));
        if ((verdict == RELEASED && !ignored) || (verdict == OTHER_KEY && at < envelope)) {
            fail_msg("byte %zu: %d", (size_t)(at - (const char *)response.data), (int)verdict);
        }
    }
    assert_true(counts[REFUSED] > counts[OTHER_KEY] && counts[OTHER_KEY] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_in_memory),
        cmocka_unit_test(no_changed_envelope_gives_the_committed_key),
        cmocka_unit_test(no_changed_answer_gives_more_than_the_same_key),
    };
    return cmocka_run_group_tests_name("kms_secret", tests, NULL, NULL);
}
