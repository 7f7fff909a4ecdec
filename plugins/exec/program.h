/* An external program as a child process: started, signaled, and in the end gone with its group. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROGRAM_E_START 1 /* could not be started; `why` says it */

typedef struct Program {
        pid_t pid;   /* 0: none, or reaped */
        pid_t guard; /* leads the process group; see guard.h */
        int pidfd;   /* readable when the program has ended */
        int input;   /* ours of its standard input, not blocking; -1 when closed */
        int output;  /* of its standard output */
        int errors;  /* of its standard error */
} Program;

/* What the program, and each process that it starts, may use. 0: as the worker. */
typedef struct ProgramLimits {
        uint64_t memory_bytes;
        uint64_t cpu_seconds; /* SIGXCPU then, and SIGKILL a second later */
        uint64_t open_files;
} ProgramLimits;

#define PROGRAM_INIT \
        { .pidfd = -1, .input = -1, .output = -1, .errors = -1 }

/*
 * Runs argv[0] with that environment, in that directory, in a process group of its own. Returns 0
 * once it runs, or PROGRAM_E_START. `program` is to be given to program_done() in either case.
 */
int program_start(Program *program, char *const argv[], char *const environment[],
                  const char *directory, const ProgramLimits *limits, char *why, size_t size);

/* To its process group, and to the program itself where it has left that. */
void program_signal(const Program *program, int signal);

/* Kills what is left of the group, and reaps. Returns the program's wait status, -1 for unknown. */
int program_end(Program *program);

/* program_end() if need be, and closes everything. */
void program_done(Program *program);
