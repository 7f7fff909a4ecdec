/*
 * What a plugin leaves behind in its worker's process. A worker is used again and again: each of
 * its jobs is to find it as the first one did. What the worker needs for the job's finish is put
 * back at once; a worker in which anything was left is replaced by a new one, because there may be
 * more than can be seen.
 */
#pragma once

#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "util/descriptors.h"

#define RESIDUE_WORDS 400 /* room for a description */
#define RESIDUE_SIGNALS 32
#define RESIDUE_LIMITS 8

typedef struct Residue {
        char **environment; /* NULL-terminated, all ours */
        char *directory;    /* NULL: it could not be named */
        dev_t directory_device;
        ino_t directory_inode;
        mode_t mask;
        char *locale;
        int priority;
        struct sigaction actions[RESIDUE_SIGNALS];
        sigset_t blocked;
        struct rlimit limits[RESIDUE_LIMITS];
        DescriptorIdentity standard[3];
        DescriptorIdentity channel;          /* to the supervisor */
        DescriptorIdentity task_dir, fd_dir; /* of /proc/self */
        unsigned long threads;
        long n_fds;        /* open, without the worker's connection; 0: the kernel does not tell */
        uint64_t used_fds; /* bit i: i was open, without the worker's connection */
        int timer;         /* number that the kernel gave last */
} Residue;

/*
 * Notes the state that every job is to find. `channel` may be -1, and so may `own_fd`, the worker's
 * connection. Returns 0 or -errno.
 */
int residue_init(Residue *residue, int channel, int own_fd);
void residue_done(Residue *residue);

/*
 * A plugin has returned. Puts back what can be put back, and describes what was left; 0 when
 * nothing was. The connection may have been opened again meanwhile.
 */
int residue_after(Residue *residue, int own_fd, char words[RESIDUE_WORDS]);
