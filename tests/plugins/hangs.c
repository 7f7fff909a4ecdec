/* Acts that do not end by themselves, or not soon. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"

#define SLICE_MS 10

int act_obey(const Chaos *chaos) {
        while (!rj_canceled(chaos->ctx))
                chaos_sleep_ms(SLICE_MS);
        chaos_say(chaos, "obeyed");
        return RJ_CANCELED;
}

int act_loop(const Chaos *chaos) {
        (void) chaos;
        volatile unsigned i = 0;
        for (;;)
                i = i + 1;
}

int act_loop_blocked(const Chaos *chaos) {
        sigset_t all;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, NULL);
        return act_loop(chaos);
}

int act_loop_ignored(const Chaos *chaos) {
        for (int i = 1; i < NSIG; i++)
                (void) signal(i, SIG_IGN);
        return act_loop(chaos);
}

int act_pause(const Chaos *chaos) {
        (void) chaos;
        chaos_sleep();
}

int act_read_pipe(const Chaos *chaos) {
        int fds[2];
        char byte;

        (void) chaos;
        return pipe(fds) == 0 && read(fds[0], &byte, 1) == 1 ? RJ_OK : RJ_FAILED;
}

int act_stop(const Chaos *chaos) {
        (void) chaos;
        return raise(SIGSTOP) ? RJ_FAILED : RJ_OK;
}

int act_progress(const Chaos *chaos) {
        uint64_t total = (uint64_t) (chaos->value / SLICE_MS);

        for (uint64_t done = 0; done < total; done++) {
                chaos_sleep_ms(SLICE_MS);
                int r = chaos->ctx->host->progress(chaos->ctx, done + 1, total);
                if (r < 0)
                        return r;
        }
        return RJ_OK;
}

int act_silent(const Chaos *chaos) {
        chaos_sleep_ms(chaos->value);
        int r = chaos->ctx->host->progress(chaos->ctx, 1, 2);
        if (r < 0)
                return r;
        while (!rj_canceled(chaos->ctx)) { /* alive again until somebody ends it */
                chaos_sleep_ms(SLICE_MS);
                r = chaos->ctx->host->progress(chaos->ctx, 1, 2);
                if (r < 0)
                        return r;
        }
        return RJ_CANCELED;
}
