#include "ending.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "registry-job/plugin.h"

#define EXIT_CODE 3

static int end_ok(void) {
        return RJ_OK;
}

static int end_fail(void) {
        return RJ_FAILED;
}

static int end_cancel(void) {
        return RJ_CANCELED;
}

/* The hardware's own signal, not raise(): a page that may not be read. */
static int end_segv(void) {
        const volatile int *page =
                mmap(NULL, sizeof(*page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return *page;
}

static _Noreturn int end_abort(void) {
        abort();
}

/* The worst value: to whoever looks only at the exit status, all went well. */
static _Noreturn int end_exit(void) {
        exit(EXIT_SUCCESS);
}

static _Noreturn int end_exit_now(void) {
        _exit(EXIT_CODE);
}

static int end_kill(void) {
        return raise(SIGKILL);
}

static _Noreturn int end_hang(void) {
        for (;;)
                (void) sched_yield();
}

static _Noreturn int end_sleep(void) {
        for (;;)
                (void) pause();
}

#define ENDINGS(X)               \
        X("ok", end_ok)          \
        X("fail", end_fail)      \
        X("cancel", end_cancel)  \
        X("segv", end_segv)      \
        X("abort", end_abort)    \
        X("exit", end_exit)      \
        X("_exit", end_exit_now) \
        X("kill", end_kill)      \
        X("hang", end_hang)      \
        X("sleep", end_sleep)

#define CHOICE(name, function) name,
const char *const ending_choices[] = {ENDINGS(CHOICE) NULL};

#define TRY(name, function)        \
        if (!strcmp(choice, name)) \
                return function();

int ending_reach(const char *choice) {
        ENDINGS(TRY)
        return RJ_FAILED; /* the host lets no other choice through */
}
