/*
 * Root may be let into a database that the service is kept out of. Only a login of the service's
 * own user says whether it is: a child becomes that user for good, with nothing of root's
 * environment, reads the configuration as the service does, and makes the checks whose answers
 * depend on who asks. It has a bounded time, writes its findings as JSON into a bounded file in
 * memory, and is believed no more than any other program.
 */
#include "cli/service_check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/output.h"
#include "db/conninfo.h"
#include "db/credential.h"
#include "process/spawn.h"
#include "util/text.h"

#define SERVICE_USER "registry-jobd" /* of systemd/registry-jobd.sysusers */
#define PATIENCE_USEC (30 * USEC_PER_SEC)
#define ANSWER_BYTES ((size_t) 256 * 1024)

typedef struct ServiceArgs {
        const Cli *cli;
        const struct passwd *user;
        const char *path; /* of the configuration */
        int fd;           /* for the findings */
} ServiceArgs;

/* ---- in the child ---- */

/* As systemd does for the service: 0, or -errno. */
static int become(const struct passwd *user) {
        if (initgroups(user->pw_name, user->pw_gid) < 0 ||
            setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
            setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
                return -errno;
        if (!setuid(0) || geteuid() != user->pw_uid || getegid() != user->pw_gid)
                return -EPERM;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* the kernel has forgotten it */
                return -errno;
        return 0;
}

static int use_environment(const struct passwd *user) {
        return clearenv() || setenv("HOME", user->pw_dir, 1) || setenv("USER", user->pw_name, 1) ||
               setenv("LOGNAME", user->pw_name, 1) || chdir("/") < 0;
}

/* `what`: "unread" (the configuration) or "unable" (to look at all). */
static int fail(const char *what, const char *words) {
        return output_value_json(json_pack("{ss}", what, words));
}

static int make_checks(const ServiceArgs *args) {
        static const Check checks[] = {
                {"pooler", 0, checkup_pooler, 0, TAKES_NOTHING},
                {"schema", HAS_SESSION, checkup_schema, 0, TAKES_NOTHING},
                {"connection", HAS_SESSION, checkup_database, SQL_CHECK_CONNECTION, TAKES_NOTHING},
                {"rights", HAS_SCHEMA, checkup_database, SQL_CHECK_RIGHTS, TAKES_SERVICE},
        };
        _cleanup_(config_freep) Config *config = NULL;
        Options options = *args->cli->options;
        Problems problems = {0};
        char words[512];

        if (config_read_lenient(args->path, &config, &problems)) {
                problems_join(&problems, words, sizeof(words));
                return fail("unread", words);
        }
        options.is_json = 1;
        Cli cli = {.options = &options, .config = config, .problems = &problems, .log_fd = -1};
        int code = checkup_run(&cli, checks, ARRAY_SIZE(checks));
        cli.db = db_close(cli.db);
        return code;
}

static int service_main(void *arg) {
        const ServiceArgs *args = arg;
        const struct rlimit limit = {ANSWER_BYTES, ANSWER_BYTES};
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        if (null < 0 || dup2(args->fd, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
            setrlimit(RLIMIT_FSIZE, &limit) < 0)
                return CLI_FAILED;
        int r = become(args->user);
        int code = r                             ? fail("unable", strerror(-r))
                   : use_environment(args->user) ? fail("unable", "out of memory")
                                                 : make_checks(args);
        return fflush(stdout) ? CLI_FAILED : code;
}

/* ---- what it has found ---- */

static const char *text_of(const json_t *object, const char *name) {
        const char *text = json_string_value(json_object_get(object, name));

        return text ? text : "";
}

/* Whether everybody meets it, and the checks of who asks, if he was let in, have said it. */
static int is_known(const Checkup *c, const char *check, const char *text) {
        if (*c->unreached)
                return !strcmp(text, c->unreached);
        return !strcmp(check, "pooler") || (!strcmp(check, "schema") && !(c->has & HAS_NEWEST));
}

/* What lets the user in, for one who is refused. */
static const char *remedy_of(const char *check, const char *remedy) {
        if (!strcmp(check, "connection") && !strcmp(remedy, sqlstate_refused_hint))
                return "psql -c 'CREATE ROLE \"" SERVICE_USER "\" LOGIN' -c 'GRANT registry_jobd "
                       "TO \"" SERVICE_USER "\"', or what the server's words ask for (NOLOGIN, "
                       "pg_hba.conf)";
        return remedy;
}

static void add(Checkup *c, const Check *check, Level level, const char *remedy, const char *text) {
        if (level == LEVEL_ERROR && !*c->service_remedy)
                (void) text_copy_utf8(c->service_remedy, sizeof(c->service_remedy), 0, remedy);
        checkup_add(c, check->name, level, remedy, "as the user " SERVICE_USER ": %s", text);
}

/* Returns 1 when the service is as who asks, or better. */
static int add_finding(Checkup *c, const Check *check, const json_t *finding) {
        const char *name = text_of(finding, "check"), *text = text_of(finding, "text");
        Level level = checkup_level(text_of(finding, "result"));

        if (level == LEVEL_OK)
                return 1;
        if (!is_known(c, name, text))
                add(c, check, level, remedy_of(name, text_of(finding, "remedy")), text);
        return 0;
}

static void add_unable(Checkup *c, const Check *check, const char *why) {
        checkup_add(c, check->name, LEVEL_WARNING,
                    "run it again; or: runuser -u " SERVICE_USER " -- registry-job doctor",
                    "could not look as the user " SERVICE_USER ": %s", why);
}

static void add_findings(Checkup *c, const Check *check, const json_t *answer) {
        const json_t *findings = json_object_get(answer, "checks");
        const char *unread = text_of(answer, "unread"), *unable = text_of(answer, "unable");
        int is_well = 1;

        c->has_service = 1;
        if (*unread) {
                add(c, check, LEVEL_ERROR,
                    "the daemon has to read it as well: chgrp " SERVICE_USER
                    " and chmod 640, or chmod 644",
                    unread);
                return;
        }
        if (!json_array_size(findings)) {
                add_unable(c, check, *unable ? unable : "its checks gave no answer");
                return;
        }
        for (size_t i = 0; i < json_array_size(findings); i++)
                is_well &= add_finding(c, check, json_array_get(findings, i));
        if (is_well)
                checkup_add(c, check->name, LEVEL_OK, NULL,
                            "the user " SERVICE_USER
                            " is let in, and has the rights of the daemon");
}

static json_t *read_answer(int fd) {
        _cleanup_(freep) char *text = malloc(ANSWER_BYTES);
        size_t length = 0;
        ssize_t n = text ? 1 : 0;

        while (n > 0 && length < ANSWER_BYTES) {
                n = pread(fd, text + length, ANSWER_BYTES - length, (off_t) length);
                length += n > 0 ? (size_t) n : 0;
        }
        return n < 0 || !length ? NULL : json_loadb(text, length, 0, NULL);
}

/*
 * NULL where the service is who asks, or logs in as it is told: by the configuration, by a
 * credential, or by variables of its unit, which may say everything when there is no conninfo.
 */
static const struct passwd *find_user(const Cli *cli) {
        const char *conninfo = cli->config->conninfo;
        char password[CREDENTIAL_SIZE], why[560];

        if (geteuid() || !*conninfo || conninfo_has_value(conninfo, "user"))
                return NULL;
        int r = credential_read(password, why, sizeof(why));
        explicit_bzero(password, sizeof(password));
        const struct passwd *user = r == CREDENTIAL_E_NONE ? getpwnam(SERVICE_USER) : NULL;
        return user && user->pw_uid ? user : NULL;
}

void check_service(Checkup *c, const Check *check) {
        const char *named = c->cli->options->config;
        ServiceArgs args = {.cli = c->cli, .user = find_user(c->cli)};
        pid_t pid;
        int status;

        if (!args.user)
                return;
        /* The child begins in another directory. */
        _cleanup_(freep) char *path = realpath(named ? named : RJ_CONFIG_FILE, NULL);
        if (!path)
                return; /* it was read: it is no file, or has gone */
        _cleanup_(closep) int fd = memfd_create("registry-job findings", MFD_CLOEXEC);
        args.path = path;
        args.fd = fd;
        (void) fflush(stdout); /* or the child has it as well */
        int r = fd < 0 ? -errno : spawn_child(service_main, &args, &fd, 1, &pid);
        if (!r)
                r = spawn_wait(pid, PATIENCE_USEC, &status);
        if (r) {
                add_unable(c, check, r > 0 ? "no answer within 30 s" : strerror(-r));
                return;
        }
        json_auto_t *answer = read_answer(fd);
        add_findings(c, check, answer);
}
