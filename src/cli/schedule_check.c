/*
 * Nobody looks at a schedule until its time comes, which may be next month: a file that is wrong, a
 * CO or a model that is not there any more are found here. Whether its timer runs is systemd's to
 * say (systemctl list-timers).
 */
#include "cli/schedule_check.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/elapse.h"
#include "cli/schedule_file.h"
#include "util/parse.h"

#define FILES_MAX 200 /* more are not looked at: each asks systemd-analyze and the database */

static int is_schedule(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);
        return n > 5 && *entry->d_name != '.' && !strcmp(entry->d_name + n - 5, ".conf");
}

/* What the file itself says. Returns 1 when there is nothing wrong with it. */
static int check_file(Checkup *c, const Check *check, const char *name, Schedule **ret) {
        Problems problems = {0};
        char text[1024], why[512];
        int64_t at;

        int r = schedule_read(name, ret, &problems);
        if (r) {
                problems_join(&problems, text, sizeof(text));
                checkup_add(c, check->name, LEVEL_WARNING, "correct the file", "%s",
                            r < 0 ? strerror(-r) : text);
                return 0;
        }
        r = elapse_find_last((*ret)->when, clock_wall_usec() / (int64_t) USEC_PER_SEC, &at, why,
                             sizeof(why));
        if (!r || r == ELAPSE_E_NEVER)
                return 1;
        checkup_add(c, check->name, LEVEL_WARNING, "correct the file, then systemctl daemon-reload",
                    "%s: when = %s: %s", (*ret)->path, (*ret)->when, why);
        return 0;
}

/* What the database knows of its job; models only while a daemon lists some. */
static int check_job(Checkup *c, const Check *check, const Schedule *schedule) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        int32_t co = 0;

        (void) parse_int32(schedule->co, 1, INT32_MAX, &co);
        batch_add(&batch, check->statement);
        batch_int(&batch, co);
        batch_text(&batch, schedule->job);
        if (checkup_statement(c, check, &batch, &reply))
                return 0;
        const char *status = db_text(reply.results[0], 0, 0);
        int is_provided = c->daemons <= 0 || db_bool(reply.results[0], 0, 1);
        if (!status)
                checkup_add(c, check->name, LEVEL_WARNING, "correct the file, or disable its timer",
                            "%s: there is no CO %d", schedule->path, co);
        else if (strcmp(status, "A") != 0)
                checkup_add(c, check->name, LEVEL_NOTICE, "disable its timer",
                            "%s: CO %d is not active: its jobs wait", schedule->path, co);
        if (!is_provided)
                checkup_add(c, check->name, LEVEL_WARNING,
                            "correct the file, or let a daemon provide the model",
                            "%s: no daemon provides %s", schedule->path, schedule->job);
        return status && is_provided;
}

void check_schedules(Checkup *c, const Check *check) {
        struct dirent **entries = NULL;
        int n = scandir(RJ_SCHEDULE_DIR, &entries, is_schedule, alphasort), n_right = 0;

        if (n < 0 && errno != ENOENT)
                checkup_add(c, check->name, LEVEL_WARNING, NULL, "could not read '%s': %s",
                            RJ_SCHEDULE_DIR, strerror(errno));
        for (int i = 0; i < n; i++) {
                _cleanup_(schedule_freep) Schedule *schedule = NULL;

                entries[i]->d_name[strlen(entries[i]->d_name) - 5] = '\0';
                if (i < FILES_MAX && check_file(c, check, entries[i]->d_name, &schedule))
                        n_right += check_job(c, check, schedule);
                free(entries[i]);
        }
        free(entries);
        if (n > FILES_MAX)
                checkup_add(c, check->name, LEVEL_NOTICE, NULL,
                            "of %d files in %s the first %d were looked at", n, RJ_SCHEDULE_DIR,
                            FILES_MAX);
        else if (n > 0 && n_right == n)
                checkup_add(c, check->name, LEVEL_OK, NULL, "%d in %s", n, RJ_SCHEDULE_DIR);
}
