/* Acts that leave their process other than they found it, for the next job to find. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "acts.h"
#include "callers.h"

#define CALLS 100

int act_directory(const Chaos *chaos) {
        (void) chaos;
        return chdir("/proc") ? RJ_FAILED : RJ_OK;
}

int act_umask(const Chaos *chaos) {
        (void) chaos;
        (void) umask(0);
        return RJ_OK;
}

int act_environment(const Chaos *chaos) {
        static char host[] = "PGHOST=/nonexistent", zone[] = "TZ=Pacific/Kiritimati",
                    options[] = "PGOPTIONS=-c no_such_setting=1";

        (void) chaos;
        return clearenv() || putenv(host) || putenv(zone) || putenv(options) ? RJ_FAILED : RJ_OK;
}

int act_locale(const Chaos *chaos) {
        locale_t locale = newlocale(LC_ALL_MASK, "C.utf8", (locale_t) 0);

        (void) chaos;
        return setlocale(LC_ALL, "C.utf8") && locale && uselocale(locale) ? RJ_OK : RJ_FAILED;
}

static void on_signal(int number) {
        (void) number;
}

int act_handlers(const Chaos *chaos) {
        (void) chaos;
        for (int i = 1; i < NSIG; i++)
                (void) signal(i, i % 2 && i != SIGCHLD ? on_signal : SIG_IGN);
        return RJ_OK;
}

int act_mask(const Chaos *chaos) {
        sigset_t all;

        (void) chaos;
        (void) sigfillset(&all);
        return pthread_sigmask(SIG_SETMASK, &all, NULL) ? RJ_FAILED : RJ_OK;
}

int act_timer(const Chaos *chaos) {
        struct itimerval alarm_in = {
                .it_value = {.tv_sec = chaos->value / 1000, .tv_usec = chaos->value % 1000 * 1000}};
        struct itimerspec user_in = {.it_value = {.tv_sec = chaos->value / 1000,
                                                  .tv_nsec = chaos->value % 1000 * 1000000}};
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
        timer_t timer;

        return setitimer(ITIMER_REAL, &alarm_in, NULL) ||
                               timer_create(CLOCK_MONOTONIC, &event, &timer) ||
                               timer_settime(timer, 0, &user_in, NULL)
                       ? RJ_FAILED
                       : RJ_OK;
}

static void *sleep_on(void *arg) {
        (void) arg;
        chaos_sleep();
}

static _Noreturn void *spin(void *arg) {
        (void) arg;
        volatile unsigned i = 0;
        for (;;)
                i = i + 1;
}

static int leave_thread(void *(*routine)(void *) ) {
        pthread_t thread;

        return pthread_create(&thread, NULL, routine, NULL) || pthread_detach(thread) ? RJ_FAILED
                                                                                      : RJ_OK;
}

int act_thread_sleep(const Chaos *chaos) {
        (void) chaos;
        return leave_thread(sleep_on);
}

int act_thread_spin(const Chaos *chaos) {
        (void) chaos;
        return leave_thread(spin);
}

static struct rj_context *caller_context;
static char caller_path[PATH_MAX];

static void *call_on(void *arg) {
        const Chaos chaos = {.path = caller_path};
        int n = 0;

        (void) arg;
        for (int i = 0; i < CALLS; i++) {
                chaos_sleep_ms(2);
                n += callers_call_all(caller_context);
        }
        chaos_mark(&chaos, 1 + n);
        chaos_sleep();
}

/* Waits for the file `path`; the thread adds there how many of its calls were not refused, and 1.
 */
int act_thread_calls(const Chaos *chaos) {
        if (!chaos->path || strlen(chaos->path) >= sizeof(caller_path))
                return RJ_FAILED;
        (void) strcpy(caller_path, chaos->path);
        caller_context = chaos->ctx;
        while (access(caller_path, F_OK))
                chaos_sleep_ms(5);
        chaos_say(chaos, "left a thread");
        return leave_thread(call_on);
}

int act_limits(const Chaos *chaos) {
        static const struct {
                int resource;
                rlim_t soft;
        } limits[] = {{RLIMIT_NOFILE, 3},    {RLIMIT_FSIZE, 0}, {RLIMIT_CORE, 0},
                      {RLIMIT_STACK, 65536}, {RLIMIT_NPROC, 1}, {RLIMIT_AS, 1}};

        (void) chaos;
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
                struct rlimit limit;
                if (getrlimit((__rlimit_resource_t) limits[i].resource, &limit))
                        return RJ_FAILED;
                limit.rlim_cur = limits[i].soft;
                if (setrlimit((__rlimit_resource_t) limits[i].resource, &limit))
                        return RJ_FAILED;
        }
        return RJ_OK;
}

static int run_all(const Chaos *chaos, const char *const *statements) {
        PGconn *conn = chaos->ctx->host->db(chaos->ctx);

        if (!conn)
                return RJ_FAILED;
        for (; *statements; statements++) {
                PGresult *result = PQexec(conn, *statements);
                int has_failed = PQresultStatus(result) != PGRES_COMMAND_OK;
                PQclear(result);
                if (has_failed) {
                        chaos_say(chaos, "%s: %s", *statements, PQerrorMessage(conn));
                        return RJ_FAILED;
                }
        }
        return RJ_OK;
}

int act_transaction(const Chaos *chaos) {
        static const char *const statements[] = {"BEGIN", "CREATE TABLE public.chaos_was_here ()",
                                                 "LOCK TABLE public.jobs IN ACCESS EXCLUSIVE MODE",
                                                 NULL};
        return run_all(chaos, statements);
}

int act_own_connection_settings(const Chaos *chaos) {
        static const char *const statements[] = {"CREATE TEMPORARY TABLE jobs (id int)",
                                                 "LISTEN chaos",
                                                 "SET search_path = public",
                                                 "SET TimeZone = 'Pacific/Kiritimati'",
                                                 "SET default_transaction_read_only = on",
                                                 "SET statement_timeout = 1",
                                                 NULL};
        return run_all(chaos, statements);
}

int act_everything(const Chaos *chaos) {
        /* First what needs a process in order. */
        int (*const all[])(const Chaos *) = {
                act_transaction, act_fork_children, act_fork_session, act_leak_descriptors,
                act_directory,   act_umask,         act_environment,  act_locale,
                act_handlers,    act_mask,          act_timer,        act_thread_sleep,
                act_limits};
        int r = RJ_OK;

        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !r; i++)
                r = all[i](chaos);
        return r;
}
