/* An external program as a child process: started, signaled, and in the end gone with its group. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/clock.h"
#include "util/descriptors.h"

#define PROGRAM_E_START 1 /* could not be started; `why` says it */

#define PROGRAM_FDS 4

typedef struct Program {
        pid_t pid;   /* 0: none, or reaped */
        pid_t guard; /* leads the process group; see guard.h */
        int pidfd;   /* readable when the program has ended */
        int input;   /* ours of its standard input, not blocking; -1 when closed */
        int output;  /* of what it says: its standard output, or its descriptor 3 */
        int errors;  /* of its standard error */
        DescriptorIdentity identities[PROGRAM_FDS]; /* of these, in this order, once it runs */
} Program;

/* What the program, and each process that it starts, may use. 0: as the worker. */
typedef struct ProgramLimits {
        uint64_t memory_bytes;
        uint64_t cpu_seconds; /* SIGXCPU then, and SIGKILL a second later */
        uint64_t open_files;
} ProgramLimits;

/*
 * Checks that the program is a file that can be executed, and that nobody else can change. Returns
 * 0, or PROGRAM_E_START.
 */
int program_check(const char *path, char *why, size_t size);

#define PROGRAM_NO_FD \
        { .fd = -1 }
#define PROGRAM_INIT                                                                  \
        {                                                                             \
                .pidfd = -1, .input = -1, .output = -1, .errors = -1, .identities = { \
                        PROGRAM_NO_FD,                                                \
                        PROGRAM_NO_FD,                                                \
                        PROGRAM_NO_FD,                                                \
                        PROGRAM_NO_FD                                                 \
                }                                                                     \
        }

typedef struct ProgramSpec {
        char *const *argv; /* the first is an absolute path */
        char *const *environment;
        const char *directory;
        ProgramLimits limits;
        int is_resident; /* speaks on descriptor 3: its standard output is as its standard error */
} ProgramSpec;

/*
 * Checks argv[0] as program_check(), and runs it in a process group of its own. Returns 0 once it
 * runs, or PROGRAM_E_START. `program` is to be given to program_done() in either case.
 */
int program_start(Program *program, const ProgramSpec *spec, char *why, size_t size);

/*
 * Allows a running program so much more CPU time than it has used, or any for 0: SIGXCPU then. Its
 * hard limit stays, which nobody without privileges could raise again.
 */
void program_allow_cpu(const Program *program, uint64_t seconds);

/*
 * 1 while our descriptors are what they were when the program was started, and open. A plugin that
 * runs in this process may have closed them, or have others under their numbers.
 */
int program_is_connected(const Program *program);

/* The CPU time that the program itself has used; 0 where that is not known. */
usec_t program_cpu_usec(const Program *program);

/* To its process group, and to the program itself where it has left that. */
void program_signal(const Program *program, int signal);

/* Kills what is left of the group, and reaps. Returns the program's wait status, -1 for unknown. */
int program_end(Program *program);

/* program_end() if need be, and closes everything that is still what it was. */
void program_done(Program *program);
