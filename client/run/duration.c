#include "client/run/duration.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

static const struct {
    const char *suffix;
    uint64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400ull * 1000}, {"", 1000}};

enum cmaw_err cmaw_duration_parse(const char *text, const char *option, uint64_t *ret_ms, struct cmaw_diag *diag)
{
    enum { DIGITS_MAX = 9 };
    const size_t digits = strspn(text, "0123456789");
    char number[DIGITS_MAX + 1] = "";
    uint64_t value = 0;
    if (digits > 0 && digits <= DIGITS_MAX) {
        (void)snprintf(number, sizeof number, "%.*s", (int)digits, text);
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (strcmp(text + digits, units[i].suffix) == 0 && cmaw_parse_u64(number, UINT32_MAX, &value) == CMAW_OK) {
                *ret_ms = value * units[i].ms;
                return CMAW_OK;
            }
        }
    }
    return cmaw_diag_set(diag, CMAW_E_USAGE, "--%s %.40s is not a time like 30s, 5m, 24h or 7d", option, text);
}
