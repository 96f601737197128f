/* cmaw-proxy: the only way out of an enclave. */
#include "host/proxy/proxy.h"
#include "lib/base/log.h"
#include "sys/daemon.h"

static enum cmaw_err run(int argc, char **argv, struct cmaw_diag *diag)
{
    static struct proxy_options options;
    static struct proxy proxy;
    CMAW_TRY(cmaw_proxy_options_parse(argc, argv, &options, diag));
    const enum cmaw_err err = cmaw_proxy_open(&proxy, &options, diag);
    if (err == CMAW_OK) {
        cmaw_log(CMAW_LOG_INFO, "proxy.up", "forwards=%zu", options.forward_count);
        cmaw_ready_notify(&options.ready_fd);
        cmaw_proxy_serve(&proxy);
    }
    cmaw_proxy_close(&proxy);
    return err;
}

int main(int argc, char **argv)
{
    struct cmaw_diag diag = {0};
    cmaw_log_init("proxy", CMAW_LOG_INFO);
    const enum cmaw_err err = run(argc, argv, &diag);
    if (err != CMAW_OK) {
        cmaw_diag_print(&diag, "cmaw-proxy", err);
    }
    return err == CMAW_OK ? 0 : err == CMAW_E_USAGE ? 2 : 1;
}
