/* What the processor may guess for an agent: the kernel's answers are ours here (the linker's --wrap), for few processors and fewer
 * virtual machines let a process choose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/sandbox_world.h"

enum { KINDS = 2 /* PR_SPEC_STORE_BYPASS, PR_SPEC_INDIRECT_BRANCH */, USUAL = PR_SPEC_PRCTL | PR_SPEC_ENABLE };

/* Shared with the sandboxes, which are processes. */
static struct kernel {
    int answer[KINDS]; /* to what is asked; below 0: an errno */
    int refusal;       /* to what is set: an errno, or 0 */
    int forbidden[KINDS], other; /* what was set */
} *kernel;

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);

static int answer(int value)
{
    errno = value < 0 ? -value : errno;
    return value < 0 ? -1 : value;
}

int __wrap_prctl(int option, ...)
{
    unsigned long arg[4];
    va_list args;
    va_start(args, option);
    for (size_t i = 0; i < 4; i++) {
        arg[i] = va_arg(args, unsigned long);
    }
    va_end(args);
    if (option == PR_GET_SPECULATION_CTRL && arg[0] < KINDS) {
        return answer(kernel->answer[arg[0]]);
    }
    if (option != PR_SET_SPECULATION_CTRL) {
        return __real_prctl(option, arg[0], arg[1], arg[2], arg[3]);
    }
    const bool expected = arg[0] < KINDS && arg[1] == PR_SPEC_FORCE_DISABLE;
    __atomic_fetch_add(expected ? &kernel->forbidden[arg[0]] : &kernel->other, 1, __ATOMIC_SEQ_CST);
    return answer(-kernel->refusal);
}

static void what_may_be_chosen_is_off(void **state)
{
    (void)state;
    static const struct {
        int answer;
        bool set;
    } cases[] = {{USUAL, true}, {PR_SPEC_PRCTL | PR_SPEC_DISABLE, true}, {PR_SPEC_PRCTL | PR_SPEC_FORCE_DISABLE, false},
                 {PR_SPEC_NOT_AFFECTED, false}, {PR_SPEC_ENABLE, false}, {PR_SPEC_DISABLE, false}, {-ENODEV, false}, {-EINVAL, false}};
    for (size_t i = 0; i < KINDS * (sizeof cases / sizeof cases[0]); i++) {
        const size_t kind = i % KINDS;
        *kernel = (struct kernel){.answer = {-ENODEV, -ENODEV}};
        kernel->answer[kind] = cases[i / KINDS].answer;
        struct world world;
        world_start(&world, "env", usual_limits); /* its first sandbox is prepared when it returns */
        struct cmaw_agent_outcome outcome = world_run(&world, "", 1000, 10000);
        world_assert_says(&outcome, "IMAGE=set\nCMAW_RUN=0123\nCMAW_STEP=7\nCMAW_SEED=feed\n");
        world_end(&world);
        assert_int_equal(kernel->forbidden[kind] > 0, cases[i / KINDS].set);
        assert_int_equal(kernel->forbidden[1 - kind] + kernel->other, 0);
    }
}

/* Said by the kernel to be a process's own choice, and then refused: such an agent does not start. */
static void a_refusal_fails_the_start(void **state)
{
    (void)state;
    struct world world;
    *kernel = (struct kernel){.answer = {-ENODEV, -ENODEV}};
    world_start(&world, "env", usual_limits);
    *kernel = (struct kernel){.answer = {USUAL, USUAL}, .refusal = EPERM};
    struct cmaw_spawner spawner;
    struct cmaw_sandbox_report report = {0};
    assert_int_equal(cmaw_spawner_start(&world.conf, world.root, NULL, &spawner, &report), CMAW_E_IO);
    assert_int_equal(report.stage, CMAW_SANDBOX_PRIVILEGES);
    assert_int_equal(report.errnum, EPERM);
    world_end(&world);
    (void)waitpid(-1, NULL, 0);
}

static int begin(void **state)
{
    kernel = mmap(NULL, sizeof *kernel, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(kernel != MAP_FAILED);
    return world_become_root(state);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_be_chosen_is_off),
        cmocka_unit_test(a_refusal_fails_the_start),
    };
    return cmocka_run_group_tests_name("sandbox_speculation", tests, begin, NULL);
}
