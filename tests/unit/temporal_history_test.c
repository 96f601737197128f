/* The history of a run from a server that never comes to its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "host/temporal/history.h"
#include "host/temporal/rpc.h"

enum { FAR_TOO_MANY = 1000000 };

static unsigned pages;

enum cmaw_err __wrap_cmaw_temporal_call(struct cmaw_temporal *temporal, const struct cmaw_rpc_options *options, struct tb_bytes *ret_bytes,
                                        void *ret_response, struct cmaw_rpc_refusal *ret_refusal, struct cmaw_diag *diag);
void __wrap_tb_bytes_free(struct tb_bytes *bytes);

/* A page without an event, and the token of the next one. */
enum cmaw_err __wrap_cmaw_temporal_call(struct cmaw_temporal *, const struct cmaw_rpc_options *, struct tb_bytes *ret_bytes, void *,
                                        struct cmaw_rpc_refusal *, struct cmaw_diag *)
{
    static uint8_t page[] = {3 << 3 | 2, 4, 'm', 'o', 'r', 'e'};
    *ret_bytes = (struct tb_bytes){page, sizeof page, 0};
    return ++pages == FAR_TOO_MANY ? CMAW_E_BUG : CMAW_OK;
}

void __wrap_tb_bytes_free(struct tb_bytes *) {}

static void pages_without_end_are_given_up(void **)
{
    static struct cmaw_temporal temporal;
    struct cmaw_diag diag = {0};
    CMAW_BUF_AUTO(history, 4096);
    assert_int_equal(cmaw_temporal_history_fetch(&temporal, "cmaw-1", &history, &diag), CMAW_E_PEER);
    assert_int_equal(history.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages_without_end_are_given_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
