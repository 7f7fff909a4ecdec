/* The models of a resident program that tells them itself, found out before there is a job. */
#pragma once

#include "worker/worker.h"

/*
 * Starts the only program of settings->exec, and writes the models that it tells to a file
 * (plugin/listing.h); or {"failed": words} when it does not start. Returns exit code 0, or 78. For
 * a process of its own.
 */
int worker_list_told(const WorkerSettings *settings, int models_fd);
