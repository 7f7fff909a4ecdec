/* Acts that end the process, or seem to. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "acts.h"

int act_exit(const Chaos *chaos) {
        exit((int) chaos->value);
}

int act_exit_now(const Chaos *chaos) {
        _exit((int) chaos->value);
}

int act_abort(const Chaos *chaos) {
        (void) chaos;
        abort();
}

int act_signal(const Chaos *chaos) {
        int number = (int) chaos->value;
        sigset_t set;

        if (chaos->path && chdir(chaos->path) < 0)
                return RJ_FAILED;
        (void) signal(number, SIG_DFL);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, number);
        (void) pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        (void) raise(number);
        return RJ_FAILED; /* it was not fatal */
}

int act_segv(const Chaos *chaos) {
        const volatile int *page =
                mmap(NULL, sizeof(*page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        (void) chaos;
        return *page ? RJ_FAILED : RJ_OK;
}

int act_thread_exit(const Chaos *chaos) {
        (void) chaos;
        pthread_exit(NULL);
}

int act_execute(const Chaos *chaos) {
        (void) chaos;
        (void) execl("/bin/true", "true", (char *) NULL);
        return RJ_FAILED;
}
