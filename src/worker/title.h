/*
 * What ps, systemd-cgls and systemctl show of a process: which job it runs. Nothing happens in a
 * program that has not called title_init().
 */
#pragma once

#include <stdint.h>

/*
 * First thing in main(), before anything keeps a pointer to an argument or to the environment: both
 * are copied, and make room. `argv` has the copies then.
 */
void title_init(int argc, char *argv[]);

void title_supervisor(void);
void title_worker_idle(void);

/* `model` may be anything, as in the table. */
void title_job(int32_t job_id, int32_t co_id, const char *model);
