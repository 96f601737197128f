#include "enclave/platform/mounts.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *path;
    const char *type;
    unsigned long flags;
    const char *sign; /* there if something is mounted already */
} file_systems[] = {
    {"/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "/dev/null"},
    {"/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "/proc/self"},
};

static enum cmaw_err mount_one(const char *type, const char *path, unsigned long flags)
{
    (void)mkdir(path, 0755); /* there already, as a rule; mount says if not */
    return mount(type, path, type, flags, NULL) == 0 || errno == EBUSY ? CMAW_OK : CMAW_E_IO;
}

enum cmaw_err cmaw_mounts_make(void)
{
    for (size_t i = 0; i < sizeof file_systems / sizeof file_systems[0]; i++) {
        if (access(file_systems[i].sign, F_OK) != 0) {
            CMAW_TRY(mount_one(file_systems[i].type, file_systems[i].path, file_systems[i].flags));
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_mounts_make_sys(void)
{
    return mount_one("sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY);
}

enum cmaw_err cmaw_mounts_make_cgroups(void)
{
    return mount_one("cgroup2", CMAW_MOUNTS_CGROUPS, MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

enum cmaw_err cmaw_mounts_leave_rootfs(void)
{
    static const char staging[] = "/.root";
    CMAW_REQUIRE(mkdir(staging, 0755) == 0 || errno == EEXIST, CMAW_E_IO);
    CMAW_REQUIRE(mount("/", staging, NULL, MS_BIND | MS_REC, NULL) == 0, CMAW_E_IO);
    CMAW_REQUIRE(chdir(staging) == 0 && mount(".", "/", NULL, MS_MOVE, NULL) == 0, CMAW_E_IO);
    CMAW_REQUIRE(chroot(".") == 0 && chdir("/") == 0, CMAW_E_IO);
    return CMAW_OK;
}
