/*
 * Places where tests kill the process, exactly there. Only in builds with RJ_CRASH_POINTS; in all
 * others CRASH_POINT() is nothing.
 */
#pragma once

/* Every name is used once in the sources, and visited once by tests/faults/test_crash_points.py. */
#define CRASH_POINTS(X)                                                                           \
        X(WORKER_READY)           /* connected, not yet said so */                                \
        X(WORKER_TAKE_SENT)       /* lane and first job asked for, no answer yet */               \
        X(WORKER_CLAIMED)         /* the job is Assigned, nothing else was done */                \
        X(WORKER_STARTED)         /* In Progress is committed, the plugin not called */           \
        X(WORKER_RAN)             /* the plugin has returned, nothing is written */               \
        X(WORKER_FLUSHED)         /* its records are written, the finish is not sent */           \
        X(WORKER_FINISH_OPEN)     /* the server has the finish, but not yet its commit */         \
        X(WORKER_FINISH_SENT)     /* finish and commit are sent, the answer was not read */       \
        X(WORKER_FINISHED)        /* finished, and the next job claimed or the lane given back */ \
        X(WORKER_TURN_OVER)       /* the lane is free, the supervisor not told */                 \
        X(WORKER_RECORD_PUT)      /* a history record lies in the ring only */                    \
        X(WORKER_RECORD_SENT)     /* its INSERT is sent, the ring not released */                 \
        X(SUPERVISOR_REGISTERED)  /* its row is there, nothing was begun */                       \
        X(SUPERVISOR_FORKED)      /* a worker was forked */                                       \
        X(SUPERVISOR_ASSIGNED)    /* a worker was told its CO */                                  \
        X(SUPERVISOR_REAPED)      /* a worker's end is known, nothing settled */                  \
        X(SUPERVISOR_SETTLE_SENT) /* a settlement is under way */                                 \
        X(SUPERVISOR_SETTLED)     /* settled, its slot not yet free */                            \
        X(SUPERVISOR_CONDEMNED)   /* a dead peer has lost its token, its jobs are not settled */  \
        X(SUPERVISOR_LEAVING)     /* all work is done, its row still there */

typedef enum CrashPoint {
#define X(name) CRASH_##name,
        CRASH_POINTS(X)
#undef X
} CrashPoint;

#ifdef RJ_CRASH_POINTS
/*
 * Kills the process (SIGKILL) when RJ_CRASH names this point and the file RJ_CRASH_FILE, which must
 * not be there yet, could be made: once, whatever is started again afterwards. RJ_CRASH may name
 * several points, separated by commas; each has its own file then, RJ_CRASH_FILE.NAME.
 */
void crash_point(CrashPoint point);
#define CRASH_POINT(name) crash_point(CRASH_##name)
/*
 * The same in two steps, for points that need something to be done before: 1 when this process is
 * the one that has to end, which then must.
 */
int crash_is_due(CrashPoint point);
void crash_now(void);
#else
#define CRASH_POINT(name) ((void) 0)
#endif
