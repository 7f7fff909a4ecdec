/*
 * Sets the title that ps, systemd-cgls and systemctl show for a process, so that an administrator
 * sees which job it runs. In a program that has not called title_init() nothing happens.
 */
#pragma once

#include <stdint.h>

/*
 * To be called first in main(), before anything keeps a pointer to an argument or to the
 * environment: both are copied, because the title is written to their place. `argv` then has the
 * copies.
 */
void title_init(int argc, char *argv[]);

void title_supervisor(void);
void title_worker_idle(void);
void title_heir(int32_t pid); /* of the dead worker */
void title_settler(void);
void title_hook(void);

/* "job of CO 2, Plugin.Model": takes the words of a command line out of the list of processes. */
void title_registering(int32_t co_id, const char *model);

/* `model` is a text of the table jobs, which may have anything in it. */
void title_job(int32_t job_id, int32_t co_id, const char *model);
