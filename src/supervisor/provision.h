/*
 * Which models this supervisor provides: those of plugins and external programs, which the
 * configuration brings, and those that the Registry of [registry] tells when it is started. That
 * is found out by a child, at the start, with each reload, and again after a failure. While the
 * Registry does not start, its models are withdrawn: their jobs wait, and the supervisor's row says
 * why. So is a model of the configuration whose program is missing, until a reload finds it.
 */
#pragma once

#include <jansson.h>

#include "config/config.h"
#include "supervisor/trial.h"

typedef struct Supervisor Supervisor;

#define PROVISION_PROBLEM_SIZE 600

/* What is provided, with everything that it needs. */
typedef struct Supply {
        json_t *own;      /* listing of the configuration's models */
        json_t *told;     /* listing of the Registry's; NULL: it is not known, or they do not run */
        ExecModel **exec; /* what workers get: the configuration's programs, then the Registry's */
        size_t n_exec, n_own; /* so many of them are the configuration's */
        char *models;         /* for membership_provide(), which takes them */
        char *problem;        /* the same: a line for each; NULL: none */
} Supply;

typedef struct Provision {
        Supply now;
        Trial trial; /* the child */
        usec_t deadline_usec;
        usec_t next_usec;  /* when the next child is forked; USEC_INFINITY: not by itself */
        int is_again;      /* asked for while one was at work */
        usec_t told_usec;  /* when now.told came */
        unsigned failures; /* in a row: of the child, and in workers soon after it succeeded */
        char problem[PROVISION_PROBLEM_SIZE]; /* why the Registry's models are missing, or "" */
} Provision;

/*
 * Prepares the supply of a configuration whose own models are `own`, a listing of which it takes a
 * reference. Returns 0 or -ENOMEM.
 */
int provision_prepare(const Provision *p, const Config *config, const json_t *own, Supply *ret);

/* The configuration has become the supervisor's: takes its supply, and asks the Registry again. */
void provision_configure(Supervisor *s, Supply *supply);

/* The child has ended. */
void provision_end_trial(Supervisor *s, int wait_status);

/*
 * The Registry does not start in a worker, as that says; without words it starts there, and tells
 * other models.
 */
void provision_note_down(Supervisor *s, const char *words);

/* How long the child may take. */
usec_t provision_patience(const Config *config);

/* Forks the child when it is time, and kills one that takes too long; when to look again. */
usec_t provision_check(Supervisor *s, usec_t now_usec);

/* 1 while it is not known whether the Registry starts: a drain waits for that. */
int provision_is_open(const Supervisor *s);

/* Frees, and ends the child. */
void provision_done(Supervisor *s);
