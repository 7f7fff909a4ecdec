/*
 * Crash points: places in the code at which tests kill the process. They exist in builds with
 * RJ_CRASH_POINTS; in all others CRASH_POINT() is nothing.
 */
#pragma once

/* Each name stands once in the sources; tests/faults/test_crash_points.py visits each. */
#define CRASH_POINTS(X)                                                                          \
        X(WORKER_READY)          /* connected, not yet said so */                                \
        X(WORKER_TAKE_SENT)      /* lane and first job asked for, no answer yet */               \
        X(WORKER_CLAIMED)        /* the job is Assigned, nothing else was done */                \
        X(WORKER_STARTED)        /* In Progress is committed, the plugin not called */           \
        X(WORKER_RAN)            /* the plugin has returned, nothing is written */               \
        X(WORKER_FLUSHED)        /* its records are written, the finish is not sent */           \
        X(WORKER_FINISH_OPEN)    /* the server has the finish, but not yet its commit */         \
        X(WORKER_FINISH_SENT)    /* finish and commit are sent, the answer was not read */       \
        X(WORKER_FINISHED)       /* finished, and the next job claimed or the lane given back */ \
        X(WORKER_TURN_OVER)      /* the lane is free, the supervisor not told */                 \
        X(WORKER_RECORD_PUT)     /* a history record lies in the ring only */                    \
        X(WORKER_RECORD_SENT)    /* its INSERT is sent, the ring not released */                 \
        X(SUPERVISOR_REGISTERED) /* its row is there, nothing was begun */                       \
        X(SUPERVISOR_FORKED)     /* a worker was forked */                                       \
        X(SUPERVISOR_ASSIGNED)   /* a worker was told its CO */                                  \
        X(SUPERVISOR_REAPED)     /* a worker's end is known, nothing settled */                  \
        X(HEIR_CONNECTED)        /* an heir has a connection, and has done nothing */            \
        X(HEIR_RECORDS_WRITTEN)  /* the records that were left are in the table */               \
        X(HEIR_CONDEMNED)        /* a dead peer has lost its token, its jobs are not settled */  \
        X(HEIR_SETTLE_SENT)      /* the settlement is sent, no answer yet */                     \
        X(HEIR_SETTLED)          /* job and lane are settled, the note is not written */         \
        X(HEIR_NOTED)            /* all is done, the supervisor is not told */                   \
        X(HEIR_REPORTED)         /* the supervisor is told, plugins are not loaded */            \
        X(SUPERVISOR_LEAVING)    /* all work is done, its row still there */

typedef enum CrashPoint {
#define X(name) CRASH_##name,
        CRASH_POINTS(X)
#undef X
} CrashPoint;

#ifdef RJ_CRASH_POINTS
/*
 * Kills the process (SIGKILL) when the environment variable RJ_CRASH names this point and the file
 * that RJ_CRASH_FILE names can be made. The file must be new, so that the point kills once only,
 * whatever is started afterwards. RJ_CRASH may name several points, separated by commas; then each
 * has a file of its own, RJ_CRASH_FILE.NAME.
 */
void crash_point(CrashPoint point);
#define CRASH_POINT(name) crash_point(CRASH_##name)
/*
 * crash_point() in two steps, for points at which something must be done before the kill.
 * crash_is_due() returns 1 when this process is to be killed here; the caller then must call
 * crash_now().
 */
int crash_is_due(CrashPoint point);
void crash_now(void);
#else
#define CRASH_POINT(name) ((void) 0)
#endif
