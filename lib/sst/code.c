#include "lib/sst/code.h"

static const struct {
    enum cmaw_code code;
    bool final;
    const char *name;
} codes[] = {
#define X(name, number, final) {CMAW_CODE_##name, final, #name},
    CMAW_CODES(X)
#undef X
};
enum { CODES_COUNT = sizeof codes / sizeof codes[0] };

const char *cmaw_code_name(enum cmaw_code code)
{
    for (size_t i = 0; i < CODES_COUNT; i++) {
        if (codes[i].code == code) {
            return codes[i].name;
        }
    }
    return "UNKNOWN";
}

bool cmaw_code_known(uint32_t number)
{
    return number >= CMAW_CODE_OK && number <= CMAW_CODE_INTERNAL;
}

bool cmaw_code_is_final(enum cmaw_code code)
{
    for (size_t i = 0; i < CODES_COUNT; i++) {
        if (codes[i].code == code) {
            return codes[i].final;
        }
    }
    return false;
}

enum cmaw_code cmaw_code_find(struct cmaw_slice name)
{
    for (size_t i = 0; i < CODES_COUNT; i++) {
        if (cmaw_slice_eq_cstr(name, codes[i].name)) {
            return codes[i].code;
        }
    }
    return (enum cmaw_code)0;
}
