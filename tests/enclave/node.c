#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "enclave/conf.h"
#include "lib/base/text.h"
#include "sys/cpio.h"
#include "tests/enclave/world.h"

enum { IMAGE_MAX = 64 << 20 };

static void put_entry(struct cmaw_buf *archive, const char *name, uint32_t mode, struct cmaw_slice content, uint32_t *inode)
{
    struct cmaw_cpio_entry entry = {.mode = mode, .content = content};
    (void)snprintf(entry.name, sizeof entry.name, "%s", name);
    must(cmaw_cpio_put(archive, &entry, ++*inode), name);
}

static void put_file(struct cmaw_buf *archive, const char *name, uint32_t mode, const char *path, uint32_t *inode)
{
    CMAW_BUF_AUTO(content, IMAGE_MAX);
    struct cmaw_diag diag = {0};
    must(cmaw_file_read(path, &content, &diag), path);
    put_entry(archive, name, mode, cmaw_buf_slice(&content), inode);
}

static void put_conf(const struct world *world, const struct node *node, struct cmaw_buf *archive, uint32_t *inode)
{
    CMAW_BUF_AUTO(conf, CMAW_CONF_MAX);
    cmaw_buf_put_cstr(&conf, "agent.arg.0=/bin/agent\n");
    if (node->mode != NULL) {
        cmaw_buf_printf(&conf, "agent.arg.1=%s\n", node->mode);
    }
    cmaw_buf_printf(&conf,
                    "agent.content_type=text/plain\nagent.cpu_s=10\nagent.io=%s\nagent.memory_mib=64\nagent.open_files=32\n"
                    "agent.output_kib=1792\nagent.processes=8\nagent.tmp_kib=%u\nattestation.root=",
                    node->proto ? "proto" : "raw", node->tmp_kib);
    cmaw_buf_put_hex(&conf, CMAW_SLICE_ARRAY(world->attestation_root));
    cmaw_buf_put_cstr(&conf, "\ndebug=0\nkms.host=kms.cmaw.test\nversion=1\n");
    put_entry(archive, "etc/cmaw/enclave.conf", S_IFREG | 0644, cmaw_buf_slice(&conf), inode);
}

void node_build_image(const struct world *world, struct node *node)
{
    static const char *const folders[] = {"dev", "proc", "sys", "tmp", "run", "agent"};
    CMAW_BUF_AUTO(one, IMAGE_MAX);
    CMAW_BUF_AUTO(two, IMAGE_MAX);
    CMAW_BUF_AUTO(file, IMAGE_MAX);
    struct cmaw_diag diag = {0};
    char path[CMAW_PATH_MAX];
    uint32_t inode = 0;
    put_file(&one, "init", S_IFREG | 0755, getenv("CMAW_TEST_INIT"), &inode);
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        put_entry(&one, folders[i], S_IFDIR | 0755, CMAW_SLICE_EMPTY, &inode);
    }
    must(cmaw_cpio_put_end(&one), "cpio");
    inode = 0;
    put_entry(&two, "etc", S_IFDIR | 0755, CMAW_SLICE_EMPTY, &inode);
    put_entry(&two, "etc/cmaw", S_IFDIR | 0755, CMAW_SLICE_EMPTY, &inode);
    put_conf(world, node, &two, &inode);
    must(cmaw_path(path, "%s/tls-ca.pem", world->dir), "path");
    put_file(&two, "etc/cmaw/kms-roots.pem", S_IFREG | 0644, path, &inode);
    put_entry(&two, "agent/bin", S_IFDIR | 0755, CMAW_SLICE_EMPTY, &inode);
    put_file(&two, "agent/bin/agent", S_IFREG | 0755, node->program, &inode);
    must(cmaw_cpio_put_end(&two), "cpio");
    const struct cmaw_eif eif = {.default_mem = 256 << 20, .kernel = CMAW_SLICE_LIT("k"), .cmdline = CMAW_SLICE_LIT("c"),
                                 .metadata = CMAW_SLICE_LIT("{}"), .ramdisk_count = 2,
                                 .ramdisks = {cmaw_buf_slice(&one), cmaw_buf_slice(&two)}};
    must(cmaw_eif_write(&eif, &file), "eif");
    must(cmaw_eif_measure(&eif, &node->pcrs), "measure");
    must(cmaw_file_write(node->eif, cmaw_buf_slice(&file), 0600, &diag), node->eif);
}

/* Children of a process, by /proc/PID/task/PID/children. */
static size_t resident_of(pid_t pid, bool all)
{
    char path[64];
    unsigned long rss_kib = 0;
    char line[256];
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, all ? "Pss: %lu" : "Rss: %lu", &rss_kib);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    size_t sum = rss_kib * 1024;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    file = all ? fopen(path, "re") : NULL;
    int child = 0;
    while (file != NULL && fscanf(file, "%d", &child) == 1) {
        sum += resident_of(child, true);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return sum;
}

static pid_t first_child(pid_t pid)
{
    char path[64];
    int child = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &child), 1);
    (void)fclose(file);
    return child;
}

pid_t node_spawner(const struct node *node)
{
    return first_child(first_child(node->launcher.pid));
}

size_t node_resident(const struct node *node, bool all)
{
    return resident_of(first_child(node->launcher.pid), all);
}
