/*
 * Two round trips and two commits for a job: one that says In Progress, and one that finishes it
 * and claims the next. The lane's token guards every claim, so that a worker that was given up for
 * dead claims nothing more when it wakes.
 */
#include "worker/turn.h"

#include <stdatomic.h>

#include "db/lane_store.h"
#include "db/pg.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"

#define MAX_LOST_RACES 100 /* in a row; more means that the queue cannot be repaired */

typedef struct Turn {
        const TurnContext *context;
        Runner *runner;
        Lane lane;
        TurnState state;
        uint32_t wishes;
        int is_worn;    /* a plugin left something behind, or there are records left */
        int has_budget; /* a job was taken from the budget, and none was claimed for it */
        int is_bounded; /* the last claim did not look at the queue from its beginning */
} Turn;

/* Takes one job from what all workers may run together; 0 when that is used up. */
static int take_from_budget(Turn *turn) {
        _Atomic int64_t *budget = turn->context->budget;
        turn->has_budget = !budget || atomic_fetch_sub(budget, 1) > 0;
        if (!turn->has_budget)
                atomic_fetch_add(budget, 1);
        return turn->has_budget;
}

/* Gives back what no job was run for, however the turn ended. */
static void give_to_budget(const Turn *turn) {
        if (turn->has_budget && turn->context->budget)
                atomic_fetch_add(turn->context->budget, 1);
}

/* 1 when another job may be claimed; it is in the budget then. */
static int may_go_on(Turn *turn) {
        const StatusPage *page = turn->runner->page;
        TurnLimits share = {.max_jobs = atomic_load(&page->share_jobs),
                            .max_usec = atomic_load(&page->share_usec)};

        turn->wishes = atomic_load(&page->wishes);
        if (turn->wishes & STATUS_WISH_STOP ||
            !turn_may_go_on(&turn->state, &share, (turn->wishes & STATUS_WISH_OTHERS) != 0,
                            clock_now_usec()))
                return 0;
        if (!take_from_budget(turn)) {
                turn->wishes |= STATUS_WISH_STOP;
                return 0;
        }
        return 1;
}

/* The bound of the next claim, noting when one without a bound is made. */
static int32_t next_bound(Turn *turn) {
        usec_t now = clock_now_usec();
        int32_t bound = turn_claim_bound(&turn->state, now);
        if (!bound)
                turn->state.looked_usec = now;
        turn->is_bounded = bound != 0;
        return bound;
}

/* Takes the lane and claims the first job in one round trip. */
static int take(Turn *turn, int *ret_taken, FinishReply *ret) {
        const TurnContext *c = turn->context;
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        lane_take_add(&batch, turn->lane.co_id, c->supervisor_id, turn->runner->holder.pid,
                      c->start_ticks, turn->lane.token);
        job_claim_add(&batch, turn->lane.co_id, turn->lane.token, turn->runner->holder,
                      next_bound(turn));
        int r = session_run(&turn->runner->session, &batch, &reply);
        if (r)
                return r;
        *ret_taken = db_affected(&reply, 0) > 0;
        return job_claim_read(reply.results[1], &ret->claim, &ret->head, &ret->job);
}

/* The head was not to be had: repairs the queue if it is wrong, and claims again. */
static int claim_again(Turn *turn, FinishReply *reply) {
        _cleanup_(db_reply_donep) DbReply answer = {0};
        Batch batch = {0};
        size_t at = 0;

        if (reply->claim == CLAIM_LOST) {
                queue_drop_stale_add(&batch, reply->head, turn->lane.co_id);
                at = 1;
        }
        turn->state.looked_usec = clock_now_usec();
        turn->is_bounded = 0;
        job_claim_add(&batch, turn->lane.co_id, turn->lane.token, turn->runner->holder, 0);
        int r = session_run(&turn->runner->session, &batch, &answer);
        if (r)
                return r;
        *reply = (FinishReply){0};
        return job_claim_read(answer.results[at], &reply->claim, &reply->head, &reply->job);
}

static int give_back(Turn *turn) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        lane_free_add(&batch, turn->lane.co_id, turn->lane.token);
        return session_run(&turn->runner->session, &batch, &reply);
}

/*
 * Under a new token nothing more can come of what was sent before, and what we have is found. An
 * earlier attempt at this may have been committed without our knowing.
 */
static int look(Turn *turn, int64_t token, int *is_undone, FinishReply *reply,
                JobState *ret_state) {
        _cleanup_(db_reply_donep) DbReply answer = {0};
        Batch batch = {0};

        lane_resume_add(&batch, turn->lane.co_id, turn->lane.token, token);
        lane_resume_add(&batch, turn->lane.co_id, token, token);
        job_resume_add(&batch, turn->lane.co_id, token, turn->runner->holder);
        if (*is_undone) /* ours again, so that it is settled and nobody runs it */
                job_reclaim_add(&batch, turn->state.last_id, turn->lane.co_id, token,
                                turn->runner->holder);
        int r = session_run(&turn->runner->session, &batch, &answer);
        if (r)
                return r;
        if (!db_affected(&answer, 0) && !db_affected(&answer, 1))
                return TURN_E_LOST;
        turn->lane.token = token;
        *is_undone = *is_undone && db_affected(&answer, 3);
        *ret_state = job_resume_status(answer.results[2]);
        return job_claim_read(answer.results[2], &reply->claim, &reply->head, &reply->job);
}

/* Whether what was found can be gone on with; says why not. */
static int judge(const Turn *turn, int is_undone, int goes_on, JobState state,
                 const FinishReply *reply) {
        if (is_undone)
                log_warning("job %d: Queued again after a lost connection, although its plugin was "
                            "called: it is settled",
                            turn->state.last_id);
        else if (state == JOB_IN_PROGRESS)
                log_warning("job %d: In Progress again after a lost connection: it is settled",
                            reply->job.id);
        else if (state != _JOB_STATE_NONE && !goes_on)
                log_warning("job %d: Assigned after a lost connection, when this worker was to run "
                            "no other: it is settled",
                            reply->job.id);
        else
                return 0;
        return TURN_E_LOST;
}

static int look_and_go_on(Turn *turn, int64_t token, int is_undone, int goes_on,
                          FinishReply *reply) {
        JobState state = _JOB_STATE_NONE;
        int r = look(turn, token, &is_undone, reply, &state);

        if (r == TURN_E_LOST) { /* given back by what we sent, or settled by others */
                if (goes_on)
                        log_notice("CO %d: its lane was lost with the connection",
                                   turn->lane.co_id);
                return goes_on ? r : 0;
        }
        if (!r)
                r = judge(turn, is_undone, goes_on, state, reply);
        if (r)
                return r;
        if (reply->claim == CLAIM_EMPTY)
                return goes_on ? claim_again(turn, reply) : give_back(turn);
        log_info("job %d: assigned before the connection was lost, going on with it",
                 reply->job.id);
        return 0;
}

/*
 * The connection was lost since the job began. A claim may have been committed without our knowing:
 * its job is found. A failover may have undone our last transactions: the worker ends with its lane
 * held, so that what it had is settled. It ends as well where the turn was to go on and the lane is
 * gone: others have settled us, or a failover has undone that, too.
 */
static int resume(Turn *turn, int goes_on, FinishReply *reply) {
        int64_t token = identity_token();
        int is_undone = reply->is_undone;
        int r;

        for (unsigned failures = 1;; failures++) {
                job_done(&reply->job);
                *reply = (FinishReply){0};
                watch_step(turn->runner->watch);
                if (turn->lane.token == token) /* a claim was sent under it already */
                        token = identity_token();
                r = session_connect(&turn->runner->session);
                if (!r)
                        r = look_and_go_on(turn, token, is_undone, goes_on, reply);
                if (!session_is_passing(r) || !runner_wait(turn->runner, failures))
                        return r;
        }
}

/* The same in the middle of a turn; an answer that is lost may have had a job in it. */
static int look_again(Turn *turn, FinishReply *reply) {
        int r = claim_again(turn, reply);
        return session_is_passing(r) ? resume(turn, 1, reply) : r;
}

/* Runs the claimed job and finishes it; `reply` has the next one, if the turn goes on. */
static int run_one(Turn *turn, FinishReply *reply, int *ret_goes_on) {
        _cleanup_(job_donep) Job job = reply->job;
        RunResult result;

        CRASH_POINT(WORKER_CLAIMED);
        *reply = (FinishReply){0}; /* the job is ours now */
        turn->has_budget = 0;
        turn->state.last_id = job.id;
        if (job.wait >= 0)
                count_wait(&turn->runner->counted, turn->runner->page, (uint64_t) job.wait);
        watch_step(turn->runner->watch);
        int r = run_job(turn->runner, &job, &result);
        if (r)
                return r;
        turn->state.jobs++;

        turn->is_worn = result.is_worn;
        *ret_goes_on = !turn->is_worn && may_go_on(turn);
        r = finish_job(turn->runner, &job, &result, &turn->lane,
                       *ret_goes_on ? FINISH_CLAIM : FINISH_FREE,
                       *ret_goes_on ? next_bound(turn) : 0, reply);
        if (!r && turn->runner->recorder.waiting) { /* the supervisor writes what this one cannot */
                turn->is_worn = 1;
                *ret_goes_on = 0;
        }
        if (!r && reply->is_uncertain)
                r = resume(turn, *ret_goes_on, reply);
        return r;
}

/*
 * A job is never run twice: a failover that undid its claim may bring it here again. The worker
 * ends with the lane held, so that it is settled.
 */
static int run_unless_called(Turn *turn, FinishReply *reply, int *ret_goes_on) {
        if (!runner_has_called(turn->runner, reply->job.id))
                return run_one(turn, reply, ret_goes_on);
        log_warning("job %d: assigned again, although its plugin was called: it is settled",
                    reply->job.id);
        return TURN_E_LOST;
}

/* All jobs of the lane that may be run now; `reply` has the first claim. */
static int serve(Turn *turn, FinishReply *reply, TurnEnd *ret_end) {
        unsigned lost = 0;
        int r = 0;

        while (!r) {
                if (reply->claim == CLAIM_JOB) {
                        int goes_on = 0;
                        lost = 0;
                        r = run_unless_called(turn, reply, &goes_on);
                        if (!r && !goes_on) {
                                *ret_end =
                                        turn->wishes & STATUS_WISH_STOP ? TURN_STOPPED : TURN_SHARE;
                                return 0;
                        }
                } else if (reply->claim == CLAIM_LOST && lost++ < MAX_LOST_RACES) {
                        r = look_again(turn, reply);
                } else if (reply->claim == CLAIM_EMPTY && turn->is_bounded) {
                        r = look_again(turn, reply);
                } else {
                        *ret_end = reply->claim == CLAIM_LOST ? TURN_SHARE : TURN_EMPTY;
                        return give_back(turn);
                }
        }
        return r;
}

int turn_run(const TurnContext *context, int32_t co_id, TurnResult *ret) {
        Turn turn = {.context = context,
                     .runner = context->runner,
                     .lane = {.co_id = co_id, .token = identity_token()},
                     .state = {.began_usec = clock_now_usec()}};
        FinishReply reply = {0};
        int is_taken = 0;

        *ret = (TurnResult){.end = TURN_STOPPED};
        if (!may_go_on(&turn))
                return 0;
        ret->end = TURN_BUSY;
        /* It may have been lost with the last word of the turn before. */
        int r = session_connect(&turn.runner->session);
        if (!r)
                r = take(&turn, &is_taken, &reply);
        if (!r && is_taken)
                r = serve(&turn, &reply, &ret->end);
        else if (r == DB_E_RETRY) { /* somebody holds a lock on the head: others are not to wait */
                ret->end = TURN_SHARE;
                r = 0;
        }
        give_to_budget(&turn);
        ret->jobs = turn.state.jobs;
        ret->is_worn = turn.is_worn;
        job_done(&reply.job);
        return r;
}
