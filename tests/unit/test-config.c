/*
 * The configuration file: every kind of error with its file and line, what a reload reaches, what
 * is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/config_value.h"
#include "exec/exec_model_private.h"

static char path[] = "/tmp/rj-test-config-XXXXXX";

static int setup(void **state) {
        int fd = mkstemp(path);
        (void) state;
        return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state) {
        (void) state;
        return unlink(path);
}

static void write_bytes(const char *bytes, size_t n) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, n, file), n);
        assert_int_equal(fclose(file), 0);
}

static Config *good(const char *text) {
        Config *config = NULL;
        Problems problems = {0};

        write_bytes(text, strlen(text));
        int r = config_read(path, &config, &problems);
        if (r || problems.count)
                fail_msg("%s: %d %s", text, r, problems.text);
        return config;
}

/* The file has `count` problems, and one of them is "FILE:" and `words`, which begin with a line.
 */
static void bad_bytes(const char *text, size_t n, size_t count, const char *words) {
        Config *config = NULL;
        Problems problems = {0};
        char expected[512];

        write_bytes(text, n);
        assert_int_equal(config_read(path, &config, &problems), CONFIG_E_INVALID);
        assert_null(config);
        (void) snprintf(expected, sizeof(expected), "%s:%s", path, words);
        if (!strstr(problems.text, expected) || problems.count != count)
                fail_msg("%s: '%s' is not %zu with '%s'", text, problems.text, count, expected);
}

static void bad(const char *text, size_t count, const char *words) {
        bad_bytes(text, strlen(text), count, words);
}

static void test_defaults(void **state) {
        Config *config = NULL, *empty = good("");
        char kept[256];

        (void) state;
        assert_int_equal(config_new(&config), 0);
        assert_string_equal(config->conninfo, "");
        assert_int_equal(config->workers, 4);
        assert_int_equal(config->max_jobs_per_turn, 100);
        assert_true(config->max_turn_usec == 10 * USEC_PER_SEC);
        assert_true(config->lease_usec == 30 * USEC_PER_SEC);
        assert_true(config->heartbeat_usec == 5 * USEC_PER_SEC);
        assert_true(config->is_listening);
        assert_true(config->stall_usec == 600 * USEC_PER_SEC);
        assert_int_equal(config->limits.general.memory_bytes, 0);
        assert_int_equal(config->limits.general.cpu_usec, 0);
        assert_int_equal(config->limits.general.run_usec, 0);
        assert_int_equal(config->limits.general.open_files, 0);
        assert_int_equal(config->limits.n, 0);
        assert_true(config->cancel_grace_usec == 0);
        assert_int_equal(config->log_level, LOG_INFO);
        assert_int_equal(config->n_load, 0);
        assert_int_equal(config->n_exec, 0);
        config_apply(config, empty, kept, sizeof(kept));
        assert_string_equal(kept, "");
        config_free(config);
        config_free(empty);
        assert_null(config_free(NULL));
}

static void test_every_key(void **state) {
        Config *config = good("# comment\n"
                              "; comment\n"
                              "[database]\n"
                              "conninfo = host=/run dbname=registry user='x y'\n"
                              "listen = no\n"
                              "[pool]\n"
                              "workers = 256\n"
                              "max_jobs_per_turn=1\n"
                              "max_turn_time = 100ms\n"
                              "  max_jobs_per_worker : 3\n"
                              "idle_timeout = 2min\n"
                              "\n"
                              "[timers]\n"
                              "sweep = 3s\n"
                              "cancel_poll = 4\n"
                              "heartbeat = 1s\n"
                              "lease = 3s\n"
                              "stop_timeout = 0\n"
                              "cancel_grace = 1d\n"
                              "stall = 0\n"
                              "[limits]\n"
                              "memory = 512M\n"
                              "cpu_time = 90s\n"
                              "run_time = 2h\n"
                              "open_files = 100\n"
                              "[plugins]\n"
                              "directory = /plugins\n"
                              "load = CoreJob, \"My Job\" Other\n"
                              "[log]\n"
                              "level = debug");

        (void) state;
        assert_string_equal(config->conninfo, "host=/run dbname=registry user='x y'");
        assert_int_equal(config->workers, 256);
        assert_int_equal(config->max_jobs_per_turn, 1);
        assert_true(config->max_turn_usec == 100 * USEC_PER_MSEC);
        assert_int_equal(config->max_jobs_per_worker, 3);
        assert_true(config->idle_usec == 120 * USEC_PER_SEC);
        assert_true(config->sweep_usec == 3 * USEC_PER_SEC);
        assert_true(config->cancel_poll_usec == 4 * USEC_PER_SEC);
        assert_true(config->heartbeat_usec == USEC_PER_SEC);
        assert_true(config->lease_usec == 3 * USEC_PER_SEC);
        assert_true(config->stop_usec == 0);
        assert_true(config->cancel_grace_usec == 86400 * USEC_PER_SEC);
        assert_true(!config->is_listening);
        assert_true(config->stall_usec == 0);
        assert_int_equal(config->limits.general.memory_bytes, 512 << 20);
        assert_true(config->limits.general.cpu_usec == 90 * USEC_PER_SEC);
        assert_true(config->limits.general.run_usec == 7200 * USEC_PER_SEC);
        assert_int_equal(config->limits.general.open_files, 100);
        assert_string_equal(config->plugin_directory, "/plugins");
        assert_int_equal(config->n_load, 3);
        assert_string_equal(config->load[0], "CoreJob");
        assert_string_equal(config->load[1], "My Job");
        assert_string_equal(config->load[2], "Other");
        assert_null(config->load[3]);
        assert_int_equal(config->log_level, LOG_DEBUG);
        config_free(config);
}

/* Two sections of one name are one row of the table, and each key is of its own section. */
static void test_quarantine(void **state) {
        Config *config = good("[quarantine]\n"
                              "failures = 5\n"
                              "[quarantine \"A\"]\n"
                              "failures = 0\n"
                              "on_failure = hold\n"
                              "[limits \"A\"]\n"
                              "memory = 1M\n"
                              "[quarantine \"A.B\"]\n"
                              "failures = 2\n");
        Quarantine of_model = limit_quarantine(&config->limits, "A.B");

        (void) state;
        assert_int_equal(config->limits.n, 2);
        assert_int_equal(of_model.failures, 2);
        assert_true(of_model.holds_on_failure);
        assert_int_equal(limit_quarantine(&config->limits, "A.C").failures, 0);
        assert_int_equal(limit_quarantine(&config->limits, "C.A").failures, 5);
        assert_false(limit_quarantine(&config->limits, "C.A").holds_on_failure);
        assert_int_equal(limit_resolve(&config->limits, "A.B").memory_bytes, 1 << 20);
        config_free(config);
}

static void test_errors(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"[pool]\nworkers = 0", "2: workers must be a number from 1 to 256, not '0'"},
                {"[pool]\nworkers = 257", "2: workers must be a number from 1 to 256, not '257'"},
                {"[pool]\n\nworkers = many", "3: workers must be a number"},
                {"[pool]\nworkers =", "2: workers must be a number"},
                {"[pool]\nworkers = 4 workers", "2: workers must be a number"},
                {"[pool]\nidle_timeout = 1 fortnight",
                 "2: idle_timeout must be a time such as 500ms, 10s, 5min or 1h, from 1s to 1d, "
                 "not '1 fortnight'"},
                {"[pool]\nidle_timeout = 999ms", "2: idle_timeout must be a time"},
                {"[pool]\nworker = 4",
                 "2: unknown key 'worker' in [pool], known are: workers, max_jobs_per_turn, "
                 "max_turn_time, max_jobs_per_worker, idle_timeout, core_dumps"},
                {"[pool]\nsweep = 4s", "2: unknown key 'sweep' in [pool]"},
                {"workers = 4\nx = 1\n[pool]", "1: 'workers' stands before the first [section]"},
                {"[pool]\nworkers = 4\n\nworkers = 5",
                 "4: workers is given twice, first in line 2"},
                {"[pool]\nworkers", "2: neither a [section] nor a key = value"},
                {"[log]\nlevel = loud",
                 "2: level must be error, warning, notice, info or debug, not 'loud'"},
                {"[timers]\nheartbeat = 11s", "2: lease must be at least three times heartbeat"},
                {"[timers]\nlease = 6s\nheartbeat = 3s\nsweep = 1s", "3: lease must be at least"},
                {"[plugins]\nload = \"CoreJob",
                 "2: load must be names separated by blanks or commas, with quotation marks in "
                 "pairs, not '\"CoreJob'"},
                {"[database]\nlisten = maybe", "2: listen must be yes or no, not 'maybe'"},
                {"[limits]\nmemory = 1MB", "2: memory must be a size such as 64M or 2G, from 0 to "
                                           "1024G, not '1MB'"},
                {"[limits]\nmemory = 1025G", "2: memory must be a size"},
                {"[limits]\nrun_time = 366d", "2: run_time must be a time such as 500ms, 10s, 5min "
                                              "or 1h, from 0 to 365d, not '366d'"},
                {"[quarantine]\nfailures = 1001",
                 "2: failures must be a number from 0 to 1000, not '1001'"},
                {"[quarantine \"A\"]\non_failure = stop",
                 "2: on_failure must be continue or hold, not 'stop'"},
                {"[quarantine]\nmemory = 1M", "2: unknown key 'memory' in [quarantine], known are: "
                                              "failures, on_failure"},
                {"[limits]\nspeed = 3", "2: unknown key 'speed' in [limits], known are: memory, "},
                {"[limits \"A\"]\nspeed = 3", "2: unknown key 'speed' in [limits \"A\"], known"},
                {"[limits \"A\"]\nmemory = 1M\nmemory = 1M",
                 "3: memory is given twice, first in line 2"},
                {"[limits \"A\"]\nrun_time = soon", "2: run_time must be a time"},
                {"[database]\nconninfo = host=a b",
                 "2: conninfo: missing \"=\" after \"b\" in connection info string"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                bad(rows[i].text, 1, rows[i].words);
}

/* A heading that is wrong is one problem, in its own line, whatever stands below it. */
static void test_headings(void **state) {
        static const struct {
                const char *text, *words;
        } rows[] = {
                {"\n[Pool]\nworkers = 4\nx = 1",
                 "2: unknown section [Pool], known are: [database], [pool], [timers], [limits], "
                 "[limits \"Plugin\"] or [limits \"Plugin.Model\"], [quarantine], [quarantine "
                 "\"Plugin\"] or [quarantine \"Plugin.Model\"], [plugins], [registry], [hooks], "
                 "[log], "
                 "[exec "
                 "\"Plugin.Model\"]"},
                {"[nonsense]", "1: unknown section [nonsense], known are"},
                {"[]\nx = 1", "1: unknown section [], known are"},
                {"[limitsx]\nmemory = 1M", "1: unknown section [limitsx]"},
                {"[limit \"A\"]\nmemory = 1M", "1: unknown section [limit \"A\"]"},
                {"[pool", "1: the heading '[pool' has no ]"},
                {"[pool] workers = 4",
                 "1: nothing may follow the heading [pool], not ' workers = 4'"},
                {"[pool] # comment", "1: nothing may follow the heading [pool], not ' # comment'"},
                {"[pool \"A\"]\nworkers = 4", "1: the heading [pool \"A\"] must be [pool]"},
                {"[log]\n[pool]\nworkers = 4\n[log]\nlevel = info\n[plugins]",
                 "4: the section [log] is given twice, first in line 1; put its keys together"},
                {"[limits \"A\"]\n[limits]\n[limits   \"A\"]\nmemory = 1M",
                 "3: the section [limits \"A\"] is given twice, first in line 1; put"},
                {"[exec \"A.B\"]\ncommand = /bin/true\n[exec \"A.B\"]\ntimeout = 1s",
                 "3: the section [exec \"A.B\"] is given twice, first in line 1; put"},
                {"[limits A]\nmemory = 1M",
                 "1: the heading [limits A] must be [limits], [limits \"Plugin\"] or "
                 "[limits \"Plugin.Model\"]"},
                {"[limits \"A]\nmemory = 1M", "1: the heading [limits \"A] must be [limits], "},
                {"[limits A\"]\nmemory = 1M", "1: the heading [limits A\"] must be [limits], "},
                {"[limits\"A\"]\nmemory = 1M", "1: the heading [limits\"A\"] must be [limits], "},
                {"[limits \"\"]\nmemory = 1M", "1: the heading [limits \"\"] must be [limits], "},
                {"[limits 'A']\nmemory = 1M", "1: the heading [limits 'A'] must be [limits], "},
                {"[limits \"A.B.C\"]\nmemory = 1M",
                 "1: the heading [limits \"A.B.C\"] must be [limits], "},
                {"[limits \"A B\"]\nmemory = 1M",
                 "1: the heading [limits \"A B\"] must be [limits], "},
                {"[quarantine \"A B\"]",
                 "1: the heading [quarantine \"A B\"] must be [quarantine], "},
                {"[limits \"A\" \"B\"]", "1: the heading [limits \"A\" \"B\"] must be [limits], "},
                {"[exec]\ncommand = /bin/true",
                 "1: the heading [exec] must be [exec \"Plugin.Model\"]"},
                {"[exec Plugin.Model]\ncommand = x",
                 "1: the heading [exec Plugin.Model] must be [exec \"Pl"},
                {"[exec \"\"]\ncommand = /bin/true",
                 "1: the heading [exec \"\"] must be [exec \"Plugin"},
                {"[exec \"Plugin\"]\ncommand = /bin/true",
                 "1: 'Plugin' is not of the form Plugin.M"},
                {"[exec \"../etc.passwd\"]\ncommand = /bin/true", "1: '../etc.passwd' is not of"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                bad(rows[i].text, 1, rows[i].words);
}

static void test_errors_together(void **state) {
        static const char text[] = "[pool]\nworkers = 0\nx = 1\n[log]\nlevel = loud\n";

        (void) state;
        bad(text, 3, "2: workers must");
        bad(text, 3, "3: unknown key");
        bad(text, 3, "5: level must");
}

static void test_long_lines(void **state) {
        char *text = malloc(40000);

        (void) state;
        strcpy(text, "[database]\nconninfo = host=");
        memset(text + 27, 'x', 8000);
        strcpy(text + 8027, "\n[pool]\nworkers = 5");
        Config *config = good(text);
        assert_int_equal(strlen(config->conninfo), 8005);
        assert_int_equal(config->workers, 5);
        config_free(config);

        memset(text + 27, 'x', 9000);
        strcpy(text + 9027, "\n[pool]\nworkers = 5\n");
        bad(text, 1, "2: the line is too long: 9016 bytes");
        free(text);
}

/* What editors of other systems leave in a file. */
static void test_encodings(void **state) {
        static const char utf16[] = "\xff\xfe[\0p\0o\0o\0l\0]\0\n\0";
        static const char nul[] = "[pool]\nworkers = 4\0 2\nsweep = 1\n";
        Config *config = good("\xef\xbb\xbf[pool]\nworkers = 5\n");

        (void) state;
        assert_int_equal(config->workers, 5);
        config_free(config);
        config = good("\xef\xbb\xbf; a comment\r\n[pool]\r\nworkers = 6\r\n\r\n[limits \"A\"]\r\n"
                      "memory = 1M\r\n[plugins]\r\ndirectory = /x\r\n");
        assert_int_equal(config->workers, 6);
        assert_string_equal(config->plugin_directory, "/x");
        assert_string_equal(config->limits.overrides[0].name, "A");
        config_free(config);
        bad("[pool]\n\xef\xbb\xbfworkers = 5\n", 1, "2: unknown key");
        bad("[pool]\r\nworkers = many\r\n", 1,
            "2: workers must be a number from 1 to 256, not 'many'");
        bad_bytes(utf16, sizeof(utf16) - 1, 1,
                  "1: the file is UTF-16: save it as plain UTF-8 text");
        bad_bytes(nul, sizeof(nul) - 1, 2, "2: the line has a NUL byte in it: save the file");
        bad_bytes(nul, sizeof(nul) - 1, 2, "3: unknown key 'sweep' in [pool]");
}

static void test_files_that_cannot_be_read(void **state) {
        Config *config = NULL;
        Problems problems = {0};

        (void) state;
        assert_int_equal(config_read("/nowhere/file.conf", &config, &problems), -ENOENT);
        assert_string_equal(problems.text, "could not read '/nowhere/file.conf': No such file or "
                                           "directory");
        problems = (Problems){0};
        assert_int_equal(config_read("/tmp", &config, &problems), -EISDIR);
        assert_string_equal(problems.text, "could not read '/tmp': it is a directory, not a "
                                           "configuration file");
        problems = (Problems){0};
        assert_int_equal(config_read("/dev/zero", &config, &problems), -EFBIG);
        assert_string_equal(problems.text, "could not read '/dev/zero': it is too large for a "
                                           "configuration file");
        assert_null(config);
}

static void test_exec(void **state) {
        Config *config = good("[exec \"Shell.True\"]\n"
                              "command = /bin/true --ldif \"out dir\"\n"
                              "directory = /tmp\n"
                              "timeout = 60min\n"
                              "kill_after = 250ms\n"
                              "cancel_signal = SIGUSR2\n"
                              "parameter.model = select(Cgroups, People) required\n"
                              "parameter.force = bool\n"
                              "environment.LDAP_URL = ldap://x = y\n"
                              "environment.EMPTY =\n"
                              "[exec \"Shell.False\"]\ncommand = /bin/false\nparameters = any\n"
                              "resident = yes\nstart_timeout = 90s\n"
                              "[exec \"Shell.Told\"]\ncommand = /bin/true\nresident = yes\n");

        (void) state;
        assert_int_equal(config->n_exec, 3);
        assert_string_equal(exec_model_name(config->exec[0]), "Shell.True");
        assert_string_equal(exec_model_name(config->exec[1]), "Shell.False");
        const ExecModel *model = config->exec[0];
        assert_string_equal(model->argv[2], "out dir");
        assert_string_equal(model->directory, "/tmp");
        assert_true(model->timeout_usec == 3600 * USEC_PER_SEC);
        assert_string_equal(model->timeout, "1h");
        assert_true(model->kill_after_usec == 250 * USEC_PER_MSEC);
        assert_int_equal(model->cancel_signal, SIGUSR2);
        assert_int_equal(model->n_params, 2);
        assert_string_equal(model->params[0].name, "model");
        assert_string_equal(model->params[0].choices[1], "People");
        assert_int_equal(model->n_environment, 2);
        assert_string_equal(model->environment[0], "LDAP_URL=ldap://x = y");
        assert_string_equal(model->environment[1], "EMPTY=");
        assert_true(!model->model.flags && !model->is_resident);
        model = config->exec[1];
        assert_true(model->is_resident && !model->is_told && !strcmp(model->start, "90s"));
        assert_true(config->exec[2]->is_told && config->exec[2]->start_usec == 30 * USEC_PER_SEC);
        assert_int_equal(model->model.flags, RJ_MODEL_ANY_PARAMETERS);
        assert_string_equal(model->directory, "/");
        assert_int_equal(model->timeout_usec, 0);
        assert_true(model->kill_after_usec == 10 * USEC_PER_SEC);
        assert_int_equal(model->cancel_signal, SIGTERM);
        config_free(config);
}

/* Lines of a section [exec "A.B"] whose first line is a command, from line 3 on. */
static void test_exec_errors(void **state) {
        static const struct {
                const char *lines, *words;
        } rows[] = {
                {"comand = /x", "3: unknown key 'comand' in [exec \"A.B\"], known are: command, "
                                "directory, timeout, kill_after, cancel_signal, resident, "
                                "start_timeout, parameter.NAME, parameters, environment.NAME"},
                {"parameter = bool", "3: unknown key 'parameter' in [exec"},
                {"command.x = /x", "3: unknown key 'command.x'"},
                {" = x", "3: unknown key '' in"},
                {"command = /bin/true", "3: command is given twice, first in line 2"},
                {"directory = tmp", "3: directory must be an absolute path, not 'tmp'"},
                {"cancel_signal = STOP",
                 "3: cancel_signal must be TERM, INT, HUP, QUIT, USR1, USR2 "
                 "or KILL, not 'STOP'"},
                {"cancel_signal = SIG", "3: cancel_signal must be TERM"},
                {"timeout = soon",
                 "3: timeout must be a time such as 500ms, 10s, 5min or 1h, from 0 "
                 "to 365d, not 'soon'"},
                {"timeout = 366d", "3: timeout must be a time"},
                {"kill_after = 2h", "3: kill_after must be a time such as 500ms, 10s, 5min or 1h, "
                                    "from 0 to 1h, not '2h'"},
                {"resident = maybe", "3: resident must be yes or no, not 'maybe'"},
                {"start_timeout = 0",
                 "3: start_timeout must be a time such as 500ms, 10s, 5min or 1h, from 1s to 1h"},
                {"parameters = all", "3: parameters must be any, not 'all'"},
                {"parameter.a-b = bool",
                 "3: parameter.a-b: its name must be of letters, digits and "
                 "underscores, at most 64, and not begin with a digit"},
                {"parameter. = bool", "3: parameter.: its name must be of letters"},
                {"parameter.a = boolean", "3: parameter.a must be bool, integer, string, "
                                          "select(a,b,c), fk or fk(table), followed by 'required' "
                                          "and 'secret' as need be, not 'boolean'"},
                {"parameter.a = select(x,,y)", "3: parameter.a must be bool"},
                {"parameter.a = bool\nparameter.a = integer",
                 "4: parameter.a is given twice, first in line 3"},
                {"environment.A = 1\n\nenvironment.A = 2",
                 "5: environment.A is given twice, first in line 3"},
                {"environment.REGISTRY_JOB_ID = 1",
                 "3: environment.REGISTRY_JOB_ID: its name must "
                 "be of letters, digits and underscores, at most "
                 "64, and not begin with a digit or with "
                 "REGISTRY_"},
                {"environment.A-B = 1", "3: environment.A-B: its name"},
                {"environment.1A = 1", "3: environment.1A: its name"},
                {"parameters = any\nparameter.a = bool",
                 "1: [exec \"A.B\"]: 'parameters = any' and 'parameter.NAME' exclude each other"},
                {"parameter.a = bool\nparameters = any", "1: [exec \"A.B\"]: 'parameters = any'"},
        };
        char text[512];

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                (void) snprintf(text, sizeof(text), "[exec \"A.B\"]\ncommand = /bin/true\n%s\n",
                                rows[i].lines);
                bad(text, 1, rows[i].words);
        }
        bad("[pool]\n[exec \"A.B\"]\n[log]\n", 1, "2: [exec \"A.B\"]: 'command' is missing");
        bad("[exec \"A.B\"]\ncommand = provision\n", 1,
            "2: command must be an absolute path and its arguments, with quotation marks in pairs, "
            "not 'provision'");
        bad("[exec \"A.B\"]\ncommand = /x \"y\n", 1, "2: command must be an absolute path");
        bad("[exec \"A.B\"]\ncommand =\n", 1, "2: command must be an absolute path");
}

/* The words of what waits for a restart when `running` gets the file `next`. */
static const char *apply(Config *running, const char *next_text) {
        static char kept[256];
        Config *next = good(next_text);

        config_apply(running, next, kept, sizeof(kept));
        config_free(next);
        return kept;
}

static void test_apply(void **state) {
        Config *config = good("[pool]\nworkers = 2\n");
        static const char next[] = "[pool]\nworkers = 9\nidle_timeout = 5s\n[log]\nlevel = error\n"
                                   "[database]\nconninfo = host=other\n[timers]\nlease = 40s\n"
                                   "[plugins]\nload = A,B\n";

        (void) state;
        assert_string_equal(apply(config, next), "database.conninfo, timers.lease");
        assert_int_equal(config->workers, 9);
        assert_true(config->idle_usec == 5 * USEC_PER_SEC);
        assert_int_equal(config->log_level, LOG_ERR);
        assert_string_equal(config->conninfo, "");
        assert_true(config->lease_usec == 30 * USEC_PER_SEC);
        assert_int_equal(config->n_load, 2);
        assert_string_equal(config->load[1], "B");
        assert_string_equal(apply(config, next), "database.conninfo, timers.lease");
        assert_string_equal(apply(config, ""), "");
        assert_int_equal(config->n_load, 0);
        assert_int_equal(config->workers, 4);
        assert_string_equal(apply(config, "[timers]\nlease = 1h\nheartbeat = 10min\n"),
                            "timers.lease, timers.heartbeat above a third of the lease");
        assert_true(config->heartbeat_usec == 10 * USEC_PER_SEC);
        config_free(config);
}

/* Programs come, change and go with a reload. */
static void test_apply_exec(void **state) {
        static const char a[] = "[exec \"A.B\"]\ncommand = /bin/true\nenvironment.X = 1\n";
        static const char b[] = "[exec \"C.D\"]\ncommand = /bin/true\nparameter.x = bool\n";
        char text[4096];
        Config *config = good(a);

        (void) state;
        assert_string_equal(apply(config, b), "");
        assert_int_equal(config->n_exec, 1);
        assert_string_equal(exec_model_name(config->exec[0]), "C.D");
        assert_string_equal(config->programs[0].name, "C.D");
        (void) snprintf(text, sizeof(text), "%s%s", b, a);
        assert_string_equal(apply(config, text), "");
        assert_int_equal(config->n_exec, 2);
        assert_string_equal(apply(config, ""), "");
        assert_int_equal(config->n_exec, 0);
        config_free(config);
}

static void test_limits(void **state) {
        static const char text[] = "[limits \"A.Model\"]\nmemory = 64M\nopen_files = 8\n"
                                   "[limits]\nmemory = 1G\nrun_time = 1h\n"
                                   "[limits \"A\"]\nrun_time = 2h\n";
        Config *running = good("[limits \"B\"]\nmemory = 1M\n");
        const LimitTable *limits = &running->limits;

        (void) state;
        assert_string_equal(apply(running, text), "");
        assert_int_equal(limits->n, 2);
        Limits found = limit_resolve(limits, "A.Model");
        assert_int_equal(found.memory_bytes, 64 << 20);
        assert_int_equal(found.open_files, 8);
        assert_true(found.run_usec == 7200 * USEC_PER_SEC);
        assert_int_equal(limit_resolve(limits, "B.Model").memory_bytes, 1 << 30);
        assert_string_equal(apply(running, ""), "");
        assert_int_equal(limit_resolve(limits, "A.Model").memory_bytes, 0);
        config_free(running);
}

static void print_to(char *printed, size_t size, const Config *config) {
        FILE *file = tmpfile();
        int before = dup(STDOUT_FILENO);

        (void) fflush(stdout);
        (void) dup2(fileno(file), STDOUT_FILENO);
        config_print(config);
        (void) fflush(stdout);
        (void) dup2(before, STDOUT_FILENO);
        (void) close(before);
        rewind(file);
        size_t n = fread(printed, 1, size - 1, file);
        (void) fclose(file);
        assert_true(n > 0);
        printed[n] = '\0';
}

/* What --check prints is itself a configuration, with the same values but for secrets. */
static void test_print(void **state) {
        char printed[4096] = "";
        Config *config = good("[database]\nconninfo = postgres://u:secret@h\n"
                              "[pool]\nworkers = 7\nmax_turn_time = 20s\n[log]\nlevel = notice\n"
                              "[timers]\nstall = 90min\n"
                              "[limits]\nmemory = 1536K\n[limits \"A.B\"]\ncpu_time = 500ms\n"
                              "[quarantine \"A\"]\nfailures = 3\n[quarantine]\non_failure = hold\n"
                              "[exec \"A.C\"]\ncommand = /bin/true \"x y\"\n"
                              "parameter.x = fk( groups ) required\nenvironment.TOKEN = hush\n"
                              "cancel_signal = HUP\n"
                              "[exec \"A.D\"]\ncommand = /bin/true\nparameters = any\n");

        (void) state;
        print_to(printed, sizeof(printed), config);
        assert_non_null(strstr(printed, "[pool]\nworkers = 7\n"));
        assert_non_null(strstr(printed, "conninfo = user=u password=*** host=h\n"));
        assert_non_null(strstr(printed, "\nstall = 90min\n"));
        assert_non_null(strstr(printed, "\nidle_timeout = 1min\n"));
        assert_non_null(strstr(printed, "\nmemory = 1536K\n"));
        assert_non_null(strstr(printed, "\n[limits \"A.B\"]\ncpu_time = 500ms\n\n"));
        assert_non_null(strstr(printed, "\n[quarantine]\nfailures = 0\non_failure = hold\n\n"));
        assert_non_null(strstr(printed, "\n[quarantine \"A\"]\nfailures = 3\n\n"));
        assert_null(strstr(printed, "[limits \"A\"]"));
        assert_non_null(strstr(printed, "\n[exec \"A.C\"]\n"
                                        "command = /bin/true \"x y\"\ndirectory = /\n"
                                        "timeout = 0\nkill_after = 10s\ncancel_signal = HUP\n"
                                        "resident = no\nstart_timeout = 30s\n"
                                        "parameter.x = fk( groups ) required\n"
                                        "environment.TOKEN = ***\n\n"));
        assert_non_null(strstr(printed, "\nparameters = any\n"));
        assert_string_equal(apply(config, printed), "database.conninfo");
        assert_int_equal(config->workers, 7);
        assert_true(config->max_turn_usec == 20 * USEC_PER_SEC);
        assert_int_equal(config->log_level, LOG_NOTICE);
        assert_true(limit_resolve(&config->limits, "A.B").cpu_usec == 500 * USEC_PER_MSEC);
        config_free(config);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_every_key),
                cmocka_unit_test(test_quarantine),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_headings),
                cmocka_unit_test(test_errors_together),
                cmocka_unit_test(test_long_lines),
                cmocka_unit_test(test_encodings),
                cmocka_unit_test(test_files_that_cannot_be_read),
                cmocka_unit_test(test_exec),

                cmocka_unit_test(test_exec_errors),
                cmocka_unit_test(test_apply),
                cmocka_unit_test(test_apply_exec),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_print),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
