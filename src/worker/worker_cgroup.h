/*
 * The worker's control group, where it has one of its own (util/cgroup.h): the limits of the job
 * that runs are handed to it before the plugin is called, and taken off afterwards. They count all
 * processes of the job, while the watch and the fence count the worker's own.
 */
#pragma once

#include "core/limit.h"

typedef struct WorkerCgroup {
        int fd;               /* -1: none */
        unsigned controllers; /* CGROUP_* */
        unsigned limited;     /* those that are limited now */
        uint64_t refused;     /* how often a task had been refused when the limit was set */
} WorkerCgroup;

/*
 * A new worker joins its cgroup, having taken off what the one before it left there. Returns 0 or
 * -errno: then it is not a member.
 */
int worker_cgroup_join(WorkerCgroup *cgroup);

/* Costs nothing where there is no limit. Returns 0 or -errno: what could be set is set. */
int worker_cgroup_limit(WorkerCgroup *cgroup, const Limits *limits);

/*
 * Takes the limits off. `ret_is_refused`: the limit of tasks was met. Returns 0 or -errno: then the
 * next job would have the limits of this one.
 */
int worker_cgroup_unlimit(WorkerCgroup *cgroup, int *ret_is_refused);
