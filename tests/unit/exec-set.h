/* Resident programs, shell scripts in a set as a worker has it. */
#pragma once

#include "exec-fake.h"
#include "exec/residents.h"

#define HEAD                                                   \
        "echo start >> starts\n"                               \
        "say() { echo \"{\\\"job\\\": $job, $1}\" >&3; }\n"    \
        "end() { say \"\\\"end\\\": ${1:-0}\"; }\n"            \
        "summary() { say \"\\\"summary\\\": \\\"$1\\\"\"; }\n" \
        "next() { read -r line || return 1; job=${line#*: }; job=${job%%,*}; }\n"
#define READY "echo '{\"ready\": 1}' >&3\n"
/* What stands between is done for each job. */
#define SERVE HEAD READY "while next; do\n"
#define DONE "\ndone\n"

typedef struct Set {
        ExecModel *models[2]; /* Test.One, Test.Two */
        Residents *residents;
        int fds; /* before */
} Set;

/* Two models whose program is that script, with 20 s to start. */
Set begin(const char *body);
void make_set(Set *set);

/* Frees all of it, and checks that nothing is left: no descriptor, no child. */
void finish(Set *set);

int run_model(Set *set, size_t i, int32_t job, Fake *fake);

/* Of the first model, with nothing of the job before in the fake. */
int run_job(Set *set, int32_t job, Fake *fake);

/* How often the program was started. */
int count_starts(void);

void expect_summary(const Fake *fake, const char *words);
