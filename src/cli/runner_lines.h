/*
 * Where this host starts the Registry's own runner of the job queue: crontabs, units of systemd,
 * and processes. A line is judged by its words; a script that a line calls is not looked into.
 */
#pragma once

#include "util/macro.h"

/*
 * 1 when the words of a line, or of a command, run the queue: `bin/cake job -r -c 2`, `job --run`,
 * `job -rc 2` and the like, whatever stands before and behind. A job that is registered (`job -j`)
 * does not.
 */
int runner_line_is(const char *line);

/* What is found, and where: "/etc/cron.d/registry:3" or "PID 4711". `line` is one line. */
typedef void RunnerLineFn(void *userdata, const char *place, const char *line);

/*
 * Looks through the crontabs of a root directory ("" is /), and through its units. Files that
 * cannot be read are given to `on_unread`, with the reason. A line that is a comment is none.
 */
void runner_lines_in_crontabs(const char *root, RunnerLineFn *on_found, RunnerLineFn *on_unread,
                              void *userdata);
void runner_lines_in_units(const char *root, RunnerLineFn *on_found, RunnerLineFn *on_unread,
                           void *userdata);

/* Looks through the processes of this host. */
void runner_lines_of_processes(RunnerLineFn *on_found, void *userdata);
