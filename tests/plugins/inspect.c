/*
 * What a job finds: a history record for each thing that a job before it could have changed. Two
 * jobs in a clean process write the same.
 */
#include <dirent.h>
#include <libpq-fe.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "acts.h"

#define TEXT_SIZE 250

extern char **environ;

__attribute__((format(printf, 2, 3))) static void add(char *text, const char *format, ...) {
        size_t used = strlen(text);
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text + used, TEXT_SIZE - used, format, ap);
        va_end(ap);
}

static void note_files(const Chaos *chaos) {
        char directory[TEXT_SIZE] = "";
        mode_t mask = umask(0);

        (void) umask(mask);
        if (!getcwd(directory, sizeof(directory)))
                directory[0] = '\0';
        chaos_note(chaos, "directory", "%s", directory);
        chaos_note(chaos, "umask", "%03o", (unsigned) mask);
}

static void note_environment(const Chaos *chaos) {
        unsigned long hash = 5381;
        int n = 0;

        for (char **entry = environ; entry && *entry; entry++, n++)
                for (const char *p = *entry; *p; p++)
                        hash = hash * 33 + (unsigned char) *p;
        chaos_note(chaos, "environment", "%d entries, hash %lx", n, hash);
}

static void note_locale(const Chaos *chaos) {
        chaos_note(chaos, "locale", "%s, %s", setlocale(LC_ALL, NULL),
                   uselocale((locale_t) 0) == LC_GLOBAL_LOCALE ? "of the process" : "its own");
}

static void note_signals(const Chaos *chaos) {
        char handled[TEXT_SIZE] = "", blocked[TEXT_SIZE] = "";
        struct sigaction action;
        sigset_t set;

        (void) pthread_sigmask(SIG_BLOCK, NULL, &set);
        for (int i = 1; i < NSIG; i++) {
                if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
                        add(handled, " %d%s", i, action.sa_handler == SIG_IGN ? " ignored" : "");
                if (sigismember(&set, i) == 1)
                        add(blocked, " %d", i);
        }
        chaos_note(chaos, "handlers", "%s", handled);
        chaos_note(chaos, "mask", "%s", blocked);
}

static int count_lines(const char *path, const char *beginning) {
        FILE *file = fopen(path, "re");
        char line[256];
        int n = 0;

        while (file && fgets(line, sizeof(line), file))
                n += !strncmp(line, beginning, strlen(beginning));
        if (file)
                (void) fclose(file);
        return n;
}

static void note_timers(const Chaos *chaos) {
        static const __itimer_which_t kinds[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
        struct itimerval timer;
        int n = 0;

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                n += getitimer(kinds[i], &timer) == 0 &&
                     (timer.it_value.tv_sec || timer.it_value.tv_usec);
        chaos_note(chaos, "timers", "%d, %d", n, count_lines("/proc/self/timers", "ID:"));
}

/* Calls `on_entry` with each entry of a directory of /proc; returns how many there are. */
static int each_entry(const char *path, void (*on_entry)(const char *name, char *text),
                      char *text) {
        DIR *dir = opendir(path);
        struct dirent *entry;
        int n = 0;

        while (dir && (entry = readdir(dir))) {
                if (*entry->d_name == '.' || atoi(entry->d_name) == (text ? dirfd(dir) : 0))
                        continue;
                n++;
                if (on_entry)
                        on_entry(entry->d_name, text);
        }
        if (dir)
                (void) closedir(dir);
        return n;
}

/* One letter for what it is: numbers may differ when the database was reached anew. */
static void add_descriptor(const char *name, char *text) {
        struct stat stat;
        int fd = atoi(name);

        if (fstat(fd, &stat))
                return;
        add(text, "%s",
            S_ISSOCK(stat.st_mode)   ? "s"
            : S_ISREG(stat.st_mode)  ? "f"
            : S_ISCHR(stat.st_mode)  ? "c"
            : S_ISFIFO(stat.st_mode) ? "p"
            : S_ISDIR(stat.st_mode)  ? "d"
                                     : "a");
}

static int compare_letters(const void *a, const void *b) {
        return *(const char *) a - *(const char *) b;
}

static void add_children(const char *name, char *text) {
        char path[64], line[TEXT_SIZE] = "";

        (void) snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", name);
        FILE *file = fopen(path, "re");
        if (file && fgets(line, sizeof(line), file))
                add(text, " %s", line);
        if (file)
                (void) fclose(file);
}

static void note_process(const Chaos *chaos) {
        char descriptors[TEXT_SIZE] = "", children[TEXT_SIZE] = "";
        int death_signal = 0;

        int n = each_entry("/proc/self/fd", add_descriptor, descriptors);
        qsort(descriptors, strlen(descriptors), 1, compare_letters);
        chaos_note(chaos, "descriptors", "%d %.200s", n, descriptors);
        chaos_note(chaos, "threads", "%d", each_entry("/proc/self/task", NULL, NULL));
        (void) each_entry("/proc/self/task", add_children, children);
        chaos_note(chaos, "children", "%s", children);
        (void) prctl(PR_GET_PDEATHSIG, &death_signal);
        chaos_note(chaos, "family", "parent %d, %sleads its group, %sleads its session, dies of %d",
                   (int) getppid(), getpgrp() == getpid() ? "" : "not ",
                   getsid(0) == getpid() ? "" : "not ", death_signal);
}

static void add_limit(char *text, rlim_t limit) {
        if (limit == RLIM_INFINITY)
                add(text, "-");
        else
                add(text, "%llu", (unsigned long long) limit);
}

static void note_limits(const Chaos *chaos) {
        char text[TEXT_SIZE] = "";
        struct rlimit limit;

        for (int i = 0; i < RLIM_NLIMITS; i++) {
                if (getrlimit((__rlimit_resource_t) i, &limit))
                        continue;
                add(text, " ");
                add_limit(text, limit.rlim_cur);
                add(text, ":");
                add_limit(text, limit.rlim_max);
        }
        chaos_note(chaos, "limits", "%s", text);
}

int act_inspect(const Chaos *chaos) {
        note_files(chaos);
        note_environment(chaos);
        note_locale(chaos);
        note_signals(chaos);
        note_timers(chaos);
        note_process(chaos);
        note_limits(chaos);
        chaos_say(chaos, "pid %d", (int) getpid());
        return RJ_OK;
}

static void note_answer(const Chaos *chaos, PGconn *conn, const char *key, const char *query) {
        PGresult *result = PQexec(conn, query);

        chaos_note(chaos, key, "%s",
                   PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0
                           ? PQgetvalue(result, 0, 0)
                           : PQerrorMessage(conn));
        PQclear(result);
}

int act_inspect_connection(const Chaos *chaos) {
        PGconn *conn = chaos->ctx->host->db(chaos->ctx);

        if (!conn)
                return RJ_FAILED;
        note_answer(chaos, conn, "path", "SHOW search_path");
        note_answer(chaos, conn, "timeout", "SHOW statement_timeout");
        note_answer(chaos, conn, "zone", "SHOW TimeZone");
        note_answer(chaos, conn, "read only", "SHOW transaction_read_only");
        note_answer(chaos, conn, "jobs", "SELECT to_regclass('jobs')::oid::text");
        note_answer(chaos, conn, "listens", "SELECT count(*) FROM pg_listening_channels()");
        return RJ_OK;
}
