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
#define RESIDUE_KEPT_MAX 1024

typedef struct Residue {
        char **environment; /* NULL-terminated, all ours */
        char *directory;    /* NULL: it could not be named */
        dev_t directory_device;
        ino_t directory_inode;
        mode_t mask;
        char *locale;
        int priority;
        int is_dumpable;
        struct sigaction actions[RESIDUE_SIGNALS];
        sigset_t blocked;
        struct rlimit limits[RESIDUE_LIMITS];
        DescriptorIdentity standard[3];
        DescriptorIdentity errors;  /* a copy of standard error: our parent's may be out of reach */
        DescriptorIdentity channel; /* to the supervisor */
        DescriptorIdentity task_dir, fd_dir; /* of /proc/self */
        unsigned long threads;               /* that every job is to find */
        unsigned long own_threads;           /* of the worker itself */
        /* What was open, without the worker's connection: */
        long n_fds;            /* as the kernel counts; 0: it does not */
        unsigned long low_fds; /* of the lowest numbers */
        unsigned long high_fds;
        int timer;                  /* number that the kernel gave last */
        int kept[RESIDUE_KEPT_MAX]; /* open now, and not of any job: see residue_expect() */
        size_t n_kept;
} Residue;

/*
 * Notes the state that every job is to find. `channel` may be -1, and so may `own_fd`, the worker's
 * connection. Returns 0 or -errno.
 */
int residue_init(Residue *residue, int channel, int own_fd);
void residue_done(Residue *residue);

/*
 * The worker's own descriptors besides its connection, which come and go: those to its resident
 * programs. To be said before what follows, whenever they may have changed.
 */
void residue_expect(Residue *residue, const int fds[], size_t n);

/*
 * A plugin has returned. Puts back what can be put back, and describes what was left; 0 when
 * nothing was. The connection may have been opened again meanwhile.
 */
int residue_after(Residue *residue, int own_fd, char words[RESIDUE_WORDS]);

/*
 * A plugin has opened (rj_plugin.open): its threads and descriptors stay, and are found by every
 * job from now on. All else is put back as after a job; returns 1 with a description when there was
 * anything.
 */
int residue_keep(Residue *residue, int own_fd, char words[RESIDUE_WORDS]);

/* 1 when the process has threads that are not the worker's own, or when that is not known. */
int residue_has_threads(const Residue *residue);
