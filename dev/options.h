/* The command line of cmaw-devd. */
#ifndef CMAW_DEV_OPTIONS_H
#define CMAW_DEV_OPTIONS_H

#include "dev/kms.h"
#include "lib/base/diag.h"

extern const char cmaw_devd_usage[];

struct cmaw_options {
    const char *dir, *region, *account, *arn, *policy, *trust;
    uint16_t port;
    int ready_fd;
    enum cmaw_alternation cms_form, map_form;
    int64_t nsm_clock_offset_s, kms_clock_offset_s;
    int64_t lifetime_s, sts_min_duration_s, grant_delay_s;
    struct cmaw_trail_settings trail;
    unsigned connections;
    enum cmaw_fault_type fail_type;
    int fail_count;
    bool session, accept_unsigned, give_unsigned;
};

/* The words after the verb. USAGE with a text and a hint for what is not right, a missing --dir among it. */
enum cmaw_err cmaw_options_parse(int argc, char **argv, struct cmaw_options *ret_options, struct cmaw_diag *diag);

#endif
