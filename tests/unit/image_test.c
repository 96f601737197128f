#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "enclave/conf.h"
#include "lib/attest/eif.h"
#include "sys/cpio.h"
#include "sys/folder.h"
#include "sys/proc.h"
#include "tests/unit/image_run.h"

enum { FILE_MAX = 64 << 20, TEXT_MAX = 1 << 20, WAIT_MS = 60000, NAME_SIZE = 256 };

static const char good_yaml[] =
    "version: 1\n"
    "name: sample\n"
    "agent:\n"
    "  command: [/bin/agent, --table, /etc/table.json]\n"
    "  io: raw\n"
    "  content_type: application/json\n"
    "  env: [LANG=C, EMPTY=]\n"
    "  files:\n"
    "    - {source: table.json, target: /etc/table.json, mode: \"0444\"}\n"
    "    - {source: deep/agent, target: /bin/agent, mode: \"0755\"}\n"
    "    - {source: table.json, target: /etc-more/x}\n"
    "limits: {memory_mib: 64, tmp_kib: 0}\n"
    "kms: {host: kms.cmaw.test, roots: roots.pem}\n"
    "attestation: {root: root.der}\n"
    "init: init\n"
    "kernel: none\n";

/* A folder with everything that good_yaml names. */
struct rig {
    char dir[64], yaml[NAME_SIZE], eif[NAME_SIZE];
};

static void put(const struct rig *rig, const char *name, struct cmaw_slice content)
{
    char path[NAME_SIZE];
    struct cmaw_diag diag = {0};
    (void)snprintf(path, sizeof path, "%s/%s", rig->dir, name);
    assert_int_equal(cmaw_file_write(path, content, 0600, &diag), CMAW_OK);
}

static void fill(struct rig *rig)
{
    CMAW_BUF_AUTO(init, FILE_MAX);
    struct cmaw_diag diag = {0};
    char deep[NAME_SIZE];
    const char *fake_init = getenv("CMAW_TEST_FAKE_INIT"); /* set by meson test */
    assert_non_null(fake_init);
    (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/cmaw-image-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    (void)snprintf(rig->yaml, sizeof rig->yaml, "%s/image.yaml", rig->dir);
    (void)snprintf(rig->eif, sizeof rig->eif, "%s/image.eif", rig->dir);
    (void)snprintf(deep, sizeof deep, "%s/deep", rig->dir);
    assert_int_equal(mkdir(deep, 0700), 0);
    assert_int_equal(cmaw_file_read(fake_init, &init, &diag), CMAW_OK);
    put(rig, "init", cmaw_buf_slice(&init));
    put(rig, "deep/agent", cmaw_buf_slice(&init)); /* a program that needs nothing else */
    put(rig, "table.json", CMAW_SLICE_LIT("{\"limit\": 7}\n"));
    put(rig, "roots.pem", CMAW_SLICE_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    put(rig, "root.der", CMAW_SLICE_LIT("\x30\x03\x02\x01\x05"));
    put(rig, "image.yaml", CMAW_SLICE_LIT(good_yaml));
}

static void clear(const struct rig *rig)
{
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_folder_remove(rig->dir, &diag), CMAW_OK);
}

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    fill(rig);
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    clear(*state);
    free(*state);
    return 0;
}

static int build(const struct rig *rig, struct cmaw_buf *printed)
{
    const char *const arguments[] = {"build", rig->yaml, "-o", rig->eif, NULL};
    return image_run(NULL, arguments, printed);
}

static void read_eif(const struct rig *rig, struct cmaw_buf *file, struct cmaw_eif *ret_eif)
{
    struct cmaw_diag diag = {0};
    const char *field = NULL;
    assert_int_equal(cmaw_file_read(rig->eif, file, &diag), CMAW_OK);
    assert_int_equal(cmaw_eif_parse(cmaw_buf_slice(file), ret_eif, &field), CMAW_OK);
}

static void two_builds_in_two_folders_are_one_image(void **state)
{
    struct rig *rig = *state;
    struct rig other = {0};
    CMAW_BUF_AUTO(printed, TEXT_MAX);
    CMAW_BUF_AUTO(printed_again, TEXT_MAX);
    CMAW_BUF_AUTO(file, FILE_MAX);
    CMAW_BUF_AUTO(file_again, FILE_MAX);
    struct cmaw_eif eif;
    char path[NAME_SIZE];
    assert_int_equal(build(rig, &printed), 0);
    const mode_t before = umask(0077);
    fill(&other);
    static const char *const names[] = {"init", "table.json", "deep/agent", "deep", "image.yaml"};
    for (size_t i = 0; i < 5; i++) {
        const struct timespec long_ago[2] = {{1000000000 + (time_t)i, 0}, {1000000000 + (time_t)i, 0}};
        (void)snprintf(path, sizeof path, "%s/%s", other.dir, names[i]);
        assert_int_equal(chmod(path, 0711), 0);
        assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    }
    /* and from inside the folder, by relative names */
    static const char *const relative[] = {"build", "image.yaml", "-o", "image.eif", NULL};
    assert_int_equal(image_run(other.dir, relative, &printed_again), 0);
    (void)umask(before);
    read_eif(rig, &file, &eif);
    read_eif(&other, &file_again, &eif);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&file), cmaw_buf_slice(&file_again)));
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&printed), cmaw_buf_slice(&printed_again)));
    clear(&other);
}

struct expected_entry {
    const char *name, *content; /* content NULL: not compared */
    uint32_t mode;
};

static void check_archive(struct cmaw_slice ramdisk, const struct expected_entry *expected, size_t count)
{
    struct cmaw_cpio cpio = cmaw_cpio_of(ramdisk);
    struct cmaw_cpio_entry entry;
    bool more = false;
    assert_int_equal(ramdisk.size % 512, 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cmaw_cpio_next(&cpio, &more, &entry), CMAW_OK);
        assert_true(more);
        assert_string_equal(entry.name, expected[i].name);
        assert_int_equal(entry.mode, expected[i].mode);
        if (expected[i].content != NULL) {
            assert_true(cmaw_slice_eq_cstr(entry.content, expected[i].content));
        }
    }
    assert_int_equal(cmaw_cpio_next(&cpio, &more, &entry), CMAW_OK);
    assert_false(more);
}

static void image_holds_what_the_file_says(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(printed, TEXT_MAX);
    CMAW_BUF_AUTO(file, FILE_MAX);
    struct cmaw_eif eif;
    assert_int_equal(build(rig, &printed), 0);
    read_eif(rig, &file, &eif);
    assert_true(image_printed(&printed, "cmaw-image: no kernel: this image runs in the sim tier only\n"));
    assert_int_equal(eif.ramdisk_count, 2);
    static const struct expected_entry boot[] = {{"agent", "", S_IFDIR | 0755}, {"dev", "", S_IFDIR | 0755}, {"proc", "", S_IFDIR | 0755},
                                                 {"run", "", S_IFDIR | 0755}, {"sys", "", S_IFDIR | 0755}, {"tmp", "", S_IFDIR | 0755},
                                                 {"init", NULL, S_IFREG | 0755}};
    check_archive(eif.ramdisks[0], boot, 7);
    static const struct expected_entry root[] = {
        {"agent", "", S_IFDIR | 0755}, {"agent/bin", "", S_IFDIR | 0755}, {"agent/bin/agent", NULL, S_IFREG | 0755},
        {"agent/etc", "", S_IFDIR | 0755}, {"agent/etc/table.json", "{\"limit\": 7}\n", S_IFREG | 0444},
        {"agent/etc-more", "", S_IFDIR | 0755}, {"agent/etc-more/x", "{\"limit\": 7}\n", S_IFREG | 0644},
        {"etc", "", S_IFDIR | 0755}, {"etc/cmaw", "", S_IFDIR | 0755},
        {"etc/cmaw/enclave.conf",
         "agent.arg.0=/bin/agent\nagent.arg.1=--table\nagent.arg.2=/etc/table.json\nagent.content_type=application/json\nagent.cpu_s=60\n"
         "agent.env.0=LANG=C\nagent.env.1=EMPTY=\nagent.io=raw\nagent.memory_mib=64\nagent.open_files=64\nagent.output_kib=1792\n"
         "agent.processes=16\nagent.tmp_kib=0\nattestation.root=417c7763c4e320a6b747b3cb0c6d22f93741b29a32b48594b8eb4c144fe6d729\ndebug=0\n"
         "kms.host=kms.cmaw.test\nversion=1\n", S_IFREG | 0444},
        {"etc/cmaw/kms-roots.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", S_IFREG | 0444}};
    check_archive(eif.ramdisks[1], root, sizeof root / sizeof root[0]);
}

/* The settings of the built image as the enclave itself reads them. */
static void parse_conf(const struct rig *rig, struct cmaw_conf *ret_conf)
{
    CMAW_BUF_AUTO(file, FILE_MAX);
    struct cmaw_eif eif;
    read_eif(rig, &file, &eif);
    struct cmaw_cpio cpio = cmaw_cpio_of(eif.ramdisks[1]);
    struct cmaw_cpio_entry entry;
    for (bool more = true; more;) {
        assert_int_equal(cmaw_cpio_next(&cpio, &more, &entry), CMAW_OK);
        if (more && strcmp(entry.name, "etc/cmaw/enclave.conf") == 0) {
            assert_int_equal(cmaw_conf_parse(entry.content, ret_conf), CMAW_OK);
            return;
        }
    }
    fail_msg("no enclave.conf");
}

/* good_yaml with one part replaced; from must be in it. */
static void put_variant(const struct rig *rig, const char *from, const char *to)
{
    CMAW_BUF_AUTO(text, TEXT_MAX);
    const char *at = strstr(good_yaml, from);
    assert_non_null(at);
    cmaw_buf_put(&text, cmaw_slice_of(good_yaml, (size_t)(at - good_yaml)));
    cmaw_buf_put_cstr(&text, to);
    cmaw_buf_put_cstr(&text, at + strlen(from));
    put(rig, "image.yaml", cmaw_buf_slice(&text));
}

static const char limits_line[] = "limits: {memory_mib: 64, tmp_kib: 0}";

static void the_enclave_accepts_every_limit_that_is_allowed(void **state)
{
    struct rig *rig = *state;
    static const char *const extremes[] = {
        "limits: {memory_mib: 1, processes: 1, open_files: 8, cpu_s: 1, output_kib: 1, tmp_kib: 0}",
        "limits: {memory_mib: 1048576, processes: 4096, open_files: 65536, cpu_s: 86400, output_kib: 4096, tmp_kib: 16777216}", ""};
    static struct cmaw_conf conf;
    for (size_t i = 0; i < 3; i++) {
        CMAW_BUF_AUTO(printed, TEXT_MAX);
        put_variant(rig, limits_line, extremes[i]);
        assert_int_equal(build(rig, &printed), 0);
        parse_conf(rig, &conf);
    }
    assert_int_equal(conf.limits.memory_mib, 256);
    assert_string_equal(conf.agent_args[2], "/etc/table.json");
    assert_null(conf.agent_args[3]);
    assert_string_equal(conf.agent_env[1], "EMPTY=");
    assert_string_equal(conf.kms_host, "kms.cmaw.test");
}

/* Without a host it is AWS's own endpoint, which the enclave derives from its key. */
static void the_kms_endpoint_can_be_aws_own(void **state)
{
    struct rig *rig = *state;
    static const struct { const char *kms; bool fips; uint32_t deadline_s; } cases[] = {
        {"{roots: roots.pem}", false, CMAW_CONF_KMS_DEADLINE_S}, {"{roots: roots.pem, fips: true, deadline_s: 7}", true, 7}};
    static struct cmaw_conf conf;
    for (size_t i = 0; i < 2; i++) {
        CMAW_BUF_AUTO(printed, TEXT_MAX);
        put_variant(rig, "{host: kms.cmaw.test, roots: roots.pem}", cases[i].kms);
        assert_int_equal(build(rig, &printed), 0);
        parse_conf(rig, &conf);
        assert_null(conf.kms_host);
        assert_int_equal(conf.kms_fips, cases[i].fips);
        assert_int_equal(conf.kms_deadline_s, cases[i].deadline_s);
    }
}

static void faults_are_named_with_their_line(void **state)
{
    struct rig *rig = *state;
    static const char long_word[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
    static const struct { const char *from, *to, *expected; } bad[] = {
        {"version: 1", "version: 2", ":1: version 2 is not 1"},
        {"name: sample", "name: Sample", ":2: name Sample is not"},
        {"name: sample", "nam: sample", ":2: Unexpected key: nam"},
        {"name: sample\n", "", ": Missing required mapping field: name"},
        {"name: sample", long_word, ":"},
        {"  io: raw", "  io: cooked", ":5: "},
        {"  io: raw", "  io: raw\n  oi: raw", ":6: Unexpected key: oi"},
        {"source: deep/agent", "sauce: deep/agent", ":10: Unexpected key: sauce"},
        {limits_line, "limits: {memory: 64}", ":12: Unexpected key: memory"},
        {limits_line, "limits: {memory_mib: 0}", ":12: limit memory_mib is 0, not 1 to 1048576"},
        {limits_line, "limits: {memory_mib: -1}", ":12: "},
        {limits_line, "limits: {output_kib: 4097}", ":12: limit output_kib is 4097"},
        {limits_line, "limits: {cpu_s: 4294967296}", ":12: "},
        {"/etc-more/x", "/etc/table.json", ":11: target /etc/table.json is there twice"},
        {"/etc-more/x", "/bin/agent/x", ":11: target /bin/agent/x is a file and a folder"},
        {"/etc-more/x", "/etc/../../init", ":11: target /etc/../../init is not a plain absolute path"},
        {"/etc-more/x", "etc-more/x", ":11: target etc-more/x is not a plain absolute path"},
        {"/etc-more/x", "/etc//x", ":11: target /etc//x is not a plain absolute path"},
        {"/etc-more/x", "/tmp/x", ":11: target /tmp/x is in a folder of the runtime"},
        {"mode: \"0755\"", "mode: \"4755\"", ":10: mode 4755 is not octal 0000 to 0777"},
        {"mode: \"0755\"", "mode: \"0788\"", ":10: mode 0788 is not octal"},
        {"mode: \"0755\"", "mode: \"0644\"", "command /bin/agent has no mode that allows to run it"},
        {"[/bin/agent,", "[/bin/other,", ":4: command /bin/other is not a file of the image"},
        {"[/bin/agent,", "[\"/bin/agent\\nx=y\",", ": not printable ASCII on one line"},
        {"LANG=C", "LANG", ":7: env entry LANG is not NAME=VALUE"},
        {"LANG=C", "CMAW_RUN=1", ":7: env names that start with CMAW_ are the runtime's"},
        {"source: deep/agent", "source: deep/nothing", ":10: cannot open "},
        {"source: deep/agent", "source: deep", ":10: "},
        {"source: deep/agent", "source: link", "link is a symbolic link\nhint: "},
        {"init: init", "init: table.json", ": init is not a program for x86-64 or aarch64"},
        {"init: init", "init: /bin/true", ": init is not a static program"},
        {"init: init", "", "says no init, and there is no option for it\nhint: "},
        {"roots: roots.pem", "roots: table.json", ": the TLS roots of KMS hold no PEM certificate"},
        {"root: root.der", "root: roots.pem", ": the attestation root is not a DER certificate"},
        {"host: kms.cmaw.test", "host: kms.cmaw.test, fips: true", ": kms.fips chooses AWS's own endpoint, kms.host another"},
        {"host: kms.cmaw.test", "host: kms.cmaw.test, deadline_s: 26", ": kms.deadline_s is 26, not 1 to 25"},
        {"host: kms.cmaw.test", "host: KMS.cmaw.test", ": not a host name in lower case: KMS.cmaw.test"},
    };
    char link[NAME_SIZE];
    (void)snprintf(link, sizeof link, "%s/link", rig->dir);
    assert_int_equal(symlink("table.json", link), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CMAW_BUF_AUTO(printed, TEXT_MAX);
        put_variant(rig, bad[i].from, bad[i].to);
        const int status = build(rig, &printed);
        if (!(status == 1 || (status == 2 && image_printed(&printed, "hint: "))) || !image_printed(&printed, bad[i].expected)) {
            fail_msg("%s: exit %d: %.*s", bad[i].expected, status, (int)printed.size, printed.data);
        }
        assert_int_equal(access(rig->eif, F_OK), -1); /* nothing half done is left */
    }
}

static void options_override_the_file(void **state)
{
    struct rig *rig = *state;
    static struct cmaw_conf conf;
    CMAW_BUF_AUTO(printed, TEXT_MAX);
    CMAW_BUF_AUTO(file, FILE_MAX);
    struct cmaw_eif eif;
    char init[NAME_SIZE], roots[NAME_SIZE], root[NAME_SIZE];
    (void)snprintf(init, sizeof init, "%s/init", rig->dir);
    (void)snprintf(roots, sizeof roots, "%s/roots.pem", rig->dir);
    (void)snprintf(root, sizeof root, "%s/root.der", rig->dir);
    put_variant(rig, "kms: {host: kms.cmaw.test, roots: roots.pem}\nattestation: {root: root.der}\ninit: init\nkernel: none\n", "");
    assert_int_equal(build(rig, &printed), 2);
    const char *const arguments[] = {"build", rig->yaml, "-o", rig->eif, "--init", init, "--kms-host", "kms.other.test", "--kms-roots", roots,
                                     "--attestation-root", root, "--kernel", "none", "--cmdline", "quiet", "--debug", NULL};
    assert_int_equal(image_run(NULL, arguments, &printed), 0);
    parse_conf(rig, &conf);
    assert_string_equal(conf.kms_host, "kms.other.test");
    assert_true(conf.debug);
    read_eif(rig, &file, &eif);
    assert_true(cmaw_slice_eq_cstr(eif.cmdline, "quiet"));
}

static void measurements_are_printed_alike(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(built, TEXT_MAX);
    CMAW_BUF_AUTO(measured, TEXT_MAX);
    CMAW_BUF_AUTO(described, TEXT_MAX);
    const char *const measure[] = {"measure", rig->eif, NULL}, *const describe[] = {"describe", rig->eif, NULL};
    assert_int_equal(build(rig, &built), 0);
    assert_int_equal(image_run(NULL, measure, &measured), 0);
    assert_true(image_printed(&measured, "{\n  \"Measurements\": {\n    \"HashAlgorithm\": \"Sha384 { ... }\",\n    \"PCR0\": \""));
    cmaw_buf_put_u8(&measured, 0);
    assert_true(image_printed(&built, (const char *)measured.data));
    assert_int_equal(image_run(NULL, describe, &described), 0);
    assert_true(image_printed(&described, "\"EifVersion\": 4") && image_printed(&described, "\"IsSigned\": false") && image_printed(&described, "\"CheckCRC\": true"));
    assert_true(image_printed(&described, "\"ImageName\": \"sample\"") && image_printed(&described, "\"BuildTool\": \"cmaw-image\"") && !image_printed(&described, "CustomMetadata"));
    assert_int_equal(truncate(rig->eif, 700), 0);
    cmaw_buf_reset(&described);
    assert_int_equal(image_run(NULL, describe, &described), 1);
    assert_true(image_printed(&described, "image.eif is not an enclave image: bad section size\n"));
}

static void wrong_usage_is_exit_code_2(void **state)
{
    (void)state;
    static const char *const lines[][5] = {{NULL}, {"build"}, {"build", "x.yaml"}, {"fly", "x"}, {"measure", "a", "b"}, {"measure", "a", "--bogus"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        CMAW_BUF_AUTO(printed, TEXT_MAX);
        assert_int_equal(image_run(NULL, lines[i], &printed), 2);
        assert_true(image_printed(&printed, "hint: "));
    }
}

int main(void)
{
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        RIG_TEST(two_builds_in_two_folders_are_one_image),
        RIG_TEST(image_holds_what_the_file_says),
        RIG_TEST(the_enclave_accepts_every_limit_that_is_allowed),
        RIG_TEST(the_kms_endpoint_can_be_aws_own),
        RIG_TEST(faults_are_named_with_their_line),
        RIG_TEST(options_override_the_file),
        RIG_TEST(measurements_are_printed_alike),
        cmocka_unit_test(wrong_usage_is_exit_code_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
