/*
 * A turn owns a lane from take_lane() until it gives the lane back, or dies: then the heir settles
 * what the lane holds. Two round trips and two commits for a job: one that says In Progress, and
 * one that finishes it and claims the next. The lane's token guards every claim, so that a worker
 * that was given up for dead claims nothing more when it wakes.
 *
 * When the connection was lost, nobody knows which of the last statements were carried out: the
 * turn takes a new token, under which nothing more can come of them, and looks at what it holds.
 * Whatever it cannot go on with ends the worker with the lane held (TURN_E_LOST).
 *
 * A claim that the database refuses, because a trigger raises or a constraint does not hold, ends
 * the turn and not the worker: one row holds up no CO but its own.
 */
#include "worker/turn.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "db/lane_store.h"
#include "db/pg.h"
#include "util/crash.h"
#include "util/error.h"
#include "util/log.h"
#include "worker/opening.h"

#define MAX_LOST_RACES 100 /* in a row; more means that the queue cannot be repaired */
#define MAX_STARTS 3       /* of programs, in a row, which are gone before a job is claimed */

typedef struct Turn {
        const TurnContext *context;
        Runner *runner;
        Lane lane;
        TurnState state;
        uint32_t wishes;
        int is_worn;    /* a plugin left something behind, or there are records left */
        int has_budget; /* a job was taken from the budget, and none was claimed for it */
        int is_bounded; /* the last claim did not look at the queue from its beginning */
        char why_down[SUMMARY_SIZE]; /* programs do not start; "": it is not known that they do not
                                      */
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
        const Orders *orders = turn->runner->orders;
        Share share = {.max_jobs = atomic_load(&orders->share_jobs),
                       .max_usec = atomic_load(&orders->share_usec)};

        turn->wishes = atomic_load(&orders->wishes);
        if (turn->wishes & ORDERS_WISH_STOP ||
            !share_may_go_on(&turn->state, &share, (turn->wishes & ORDERS_WISH_OTHERS) != 0,
                             clock_now_usec()))
                return 0;
        if (!take_from_budget(turn)) {
                turn->wishes |= ORDERS_WISH_STOP;
                return 0;
        }
        return 1;
}

/* The bound of the next claim, noting when one without a bound is made. */
static int32_t next_bound(Turn *turn) {
        usec_t now = clock_now_usec();
        int32_t bound = share_claim_bound(&turn->state, now);
        if (!bound)
                turn->state.looked_usec = now;
        turn->is_bounded = bound != 0;
        return bound;
}

static void add_claim(const Turn *turn, Batch *batch, int32_t bound) {
        const ClaimTerms terms = {.bound = bound,
                                  .generation = turn->lane.generation,
                                  .has_programs = residents_run_first(turn->runner->residents)};

        job_claim_add(batch, turn->lane.co_id, turn->lane.token, turn->runner->holder, &terms);
}

/* Takes the lane, if there is work, and claims the first job in one round trip. */
static int take_lane(Turn *turn, int *ret_is_taken, Claim *ret) {
        const TurnContext *c = turn->context;
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        lane_take_add(&batch, turn->lane.co_id, c->supervisor_id, turn->runner->holder.pid,
                      c->start_ticks, turn->lane.token, turn->lane.generation);
        add_claim(turn, &batch, next_bound(turn));
        int r = session_run(&turn->runner->session, &batch, &reply);
        if (r)
                return r;
        *ret_is_taken = lane_take_read(reply.results[0]);
        return job_claim_read(reply.results[1], ret);
}

/* The head was not to be had: repairs the queue if it is wrong, and claims again. */
static int claim_again(Turn *turn, Claim *claim) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        size_t at = 0;

        if (claim->result == CLAIM_LOST) {
                queue_drop_stale_add(&batch, claim->head, turn->lane.co_id);
                at = 1;
        }
        turn->state.looked_usec = clock_now_usec();
        turn->is_bounded = 0;
        add_claim(turn, &batch, 0);
        int r = session_run(&turn->runner->session, &batch, &reply);
        return r ? r : job_claim_read(reply.results[at], claim);
}

static int give_lane_back(Turn *turn) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        lane_free_add(&batch, turn->lane.co_id, turn->lane.token);
        return session_run(&turn->runner->session, &batch, &reply);
}

/* What the turn holds after its connection was lost. */
typedef struct Holding {
        int64_t token;  /* the lane has now */
        int is_undone;  /* the last job was Queued again, and is Assigned to us again now */
        JobState state; /* of the job that we have; none: there is no such job */
} Holding;

/*
 * Under a new token nothing more can come of what was sent before, and what we have is found. An
 * earlier attempt at this may have been committed without our knowing.
 */
static int find_holding(Turn *turn, Holding *holding, Claim *claim) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        lane_resume_add(&batch, turn->lane.co_id, turn->lane.token, holding->token);
        lane_resume_add(&batch, turn->lane.co_id, holding->token, holding->token);
        job_resume_add(&batch, turn->lane.co_id, holding->token, turn->runner->holder);
        if (holding->is_undone) /* ours again, so that it is settled and nobody runs it */
                job_reclaim_add(&batch, turn->state.last_id, turn->lane.co_id, holding->token,
                                turn->runner->holder);
        int r = session_run(&turn->runner->session, &batch, &reply);
        if (r)
                return r;
        if (!db_affected(&reply, 0) && !db_affected(&reply, 1))
                return TURN_E_LOST;
        turn->lane.token = holding->token;
        holding->is_undone = holding->is_undone && db_affected(&reply, 3);
        holding->state = job_resume_status(reply.results[2]);
        return job_claim_read(reply.results[2], claim);
}

/* 0 when the turn can go on with what it holds; otherwise TURN_E_LOST, after saying why not. */
static int check_holding(const Turn *turn, const Holding *holding, int goes_on,
                         const Claim *claim) {
        if (holding->is_undone)
                log_warning("job %d: Queued again after a lost connection, although its plugin was "
                            "called: it is settled",
                            turn->state.last_id);
        else if (holding->state == JOB_IN_PROGRESS)
                log_warning("job %d: In Progress again after a lost connection: it is settled",
                            claim->job.id);
        else if (holding->state != _JOB_STATE_NONE && !goes_on)
                log_warning("job %d: Assigned after a lost connection, when this worker was to run "
                            "no other: it is settled",
                            claim->job.id);
        else
                return 0;
        return TURN_E_LOST;
}

static int go_on_with_holding(Turn *turn, Holding *holding, int goes_on, Claim *claim) {
        int r = find_holding(turn, holding, claim);

        if (r == TURN_E_LOST) { /* given back by what we sent, or settled by others */
                if (goes_on)
                        log_notice("CO %d: its lane was lost with the connection",
                                   turn->lane.co_id);
                return goes_on ? r : 0;
        }
        if (!r)
                r = check_holding(turn, holding, goes_on, claim);
        if (r)
                return r;
        if (claim->result == CLAIM_EMPTY)
                return goes_on ? claim_again(turn, claim) : give_lane_back(turn);
        log_info("job %d: assigned before the connection was lost, going on with it",
                 claim->job.id);
        return 0;
}

/*
 * The connection was lost since the job began. A claim may have been committed without our knowing:
 * its job is found. A failover may have undone our last transactions: the worker ends with its lane
 * held, so that what it had is settled. It ends as well where the turn was to go on and the lane is
 * gone: others have settled us, or a failover has undone that, too.
 */
static int resume(Turn *turn, int goes_on, int is_undone, Claim *claim) {
        int64_t token = identity_token();
        int r;

        for (unsigned failures = 1;; failures++) {
                claim_done(claim);
                watch_step(turn->runner->watch);
                if (turn->lane.token == token) /* a claim was sent under it already */
                        token = identity_token();
                Holding holding = {.token = token, .is_undone = is_undone};
                r = session_connect(&turn->runner->session);
                if (!r)
                        r = go_on_with_holding(turn, &holding, goes_on, claim);
                if (!session_is_passing(r) || !runner_wait(turn->runner, failures))
                        return r;
        }
}

/* As claim_again() in the middle of a turn; an answer that is lost may have had a job in it. */
static int claim_again_or_resume(Turn *turn, Claim *claim) {
        int r = claim_again(turn, claim);
        return session_is_passing(r) ? resume(turn, 1, 0, claim) : r;
}

/*
 * The first job waits for its program: starts that, and claims again. Without the program, and
 * where there was a stop meanwhile, the lane is given back, and the turn has ended.
 */
static int claim_with_programs(Turn *turn, Claim *claim, TurnEnd *ret_end) {
        if (opening_start_first(turn->runner, turn->why_down))
                *ret_end = TURN_DOWN;
        else if (atomic_load(&turn->runner->orders->wishes) & ORDERS_WISH_STOP)
                *ret_end = TURN_STOPPED;
        else
                return claim_again_or_resume(turn, claim);
        return give_lane_back(turn);
}

/* Runs the claimed job and finishes it; `claim` has the next one, if the turn goes on. */
static int run_claimed(Turn *turn, Claim *claim, int *ret_goes_on) {
        _cleanup_(job_donep) Job job = claim->job;
        FinishReply reply;
        RunResult result;

        CRASH_POINT(WORKER_CLAIMED);
        *claim = (Claim){0}; /* the job is ours now */
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
                       *ret_goes_on ? next_bound(turn) : 0, &reply);
        *claim = reply.claim;
        /* The heir writes what this worker cannot. */
        if (!r && (turn->runner->recorder.waiting || turn->runner->recorder.is_damaged)) {
                turn->is_worn = 1;
                *ret_goes_on = 0;
        }
        if (!r && reply.is_uncertain)
                r = resume(turn, *ret_goes_on, reply.is_undone, claim);
        if (!r)
                runner_note_success(turn->runner);
        return r;
}

/*
 * A job is never run twice: a failover that undid its claim may bring it here again. The worker
 * ends with the lane held, so that it is settled.
 */
static int run_unless_called(Turn *turn, Claim *claim, int *ret_goes_on) {
        if (!runner_has_called(turn->runner, claim->job.id))
                return run_claimed(turn, claim, ret_goes_on);
        log_warning("job %d: assigned again, although its plugin was called: it is settled",
                    claim->job.id);
        return TURN_E_LOST;
}

/* Somebody has to change something: a claim that takes too long is such a case, a lock is none. */
static int is_lasting(const DbError *error) {
        return error->class != DB_E_RETRY || !strcmp(error->sqlstate, "57014");
}

static void log_refusal(const Turn *turn, const Refused *refused, const char *words) {
        LogFields fields = {.job_id = refused->job_id,
                            .co_id = turn->lane.co_id,
                            .hint = "registry-job why says what the CO waits for; registry-job "
                                    "cancel takes the job out of its way"};

        if (refusal_is_said(refused->n))
                log_write(LOG_WARNING, &fields,
                          "job %d: could not be assigned, trying again in %.0f s (%d so far): %s",
                          refused->job_id, (double) refused->delay_usec / (double) USEC_PER_SEC,
                          refused->n, words);
}

/* The CO waits alone: its lane is given back where it is held, with the reason. */
static int give_up_head(Turn *turn, const char *words, int is_lasting_refusal, TurnEnd *ret_end) {
        RefusalPolicy policy = refusal_policy(is_lasting_refusal);
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};

        lane_refused_add(&batch, turn->lane.co_id, words, &policy);
        lane_free_add(&batch, turn->lane.co_id, turn->lane.token);
        int r = session_run(&turn->runner->session, &batch, &reply);
        if (r)
                return r;
        Refused refused = lane_refused_read(reply.results[0]);
        log_refusal(turn, &refused, words);
        *ret_end = is_lasting_refusal ? TURN_REFUSED : TURN_SHARE;
        return 0;
}

/* The database refuses the first job of the CO. Nothing of the claim was done. */
static int note_refusal(Turn *turn, TurnEnd *ret_end) {
        const DbError error = turn->runner->session.error;

        return give_up_head(turn, error.message, is_lasting(&error), ret_end);
}

/*
 * The first job is in the queue, and is Queued for whoever repairs the queue, but no claim finds
 * its row, and no error says why.
 */
static int note_lost_head(Turn *turn, TurnEnd *ret_end) {
        static const char words[] =
                "its row is not there for the daemon's role, or changes all the "
                "time (does public.jobs have row level security? See "
                "registry-job doctor)";

        return give_up_head(turn, words, 1, ret_end);
}

/* All jobs of the lane that may be run now; `claim` has the first one. */
static int serve_lane(Turn *turn, Claim *claim, TurnEnd *ret_end) {
        unsigned lost = 0, starts = 0;
        unsigned lost_same = 0; /* of `lost`: the last ones, all of them lost_head */
        int32_t lost_head = 0;
        int r = 0;

        while (!r) {
                if (claim->result == CLAIM_LOST) {
                        lost_same = claim->head == lost_head ? lost_same + 1 : 1;
                        lost_head = claim->head;
                }
                if (claim->result == CLAIM_JOB) {
                        int goes_on = 0;
                        lost = lost_same = starts = 0;
                        r = run_unless_called(turn, claim, &goes_on);
                        if (!r && !goes_on) {
                                *ret_end =
                                        turn->wishes & ORDERS_WISH_STOP ? TURN_STOPPED : TURN_SHARE;
                                return 0;
                        }
                } else if (claim->result == CLAIM_LOST && lost++ < MAX_LOST_RACES) {
                        r = claim_again_or_resume(turn, claim);
                } else if (claim->result == CLAIM_WAITS && starts++ < MAX_STARTS) {
                        TurnEnd end = _TURN_END_MAX;
                        r = claim_with_programs(turn, claim, &end);
                        if (end != _TURN_END_MAX) {
                                *ret_end = end;
                                return r;
                        }
                } else if (claim->result == CLAIM_EMPTY && turn->is_bounded) {
                        r = claim_again_or_resume(turn, claim);
                } else if (claim->result == CLAIM_LOST && lost_same > MAX_LOST_RACES) {
                        return note_lost_head(turn, ret_end);
                } else {
                        *ret_end = claim->result == CLAIM_EMPTY ? TURN_EMPTY : TURN_SHARE;
                        return give_lane_back(turn);
                }
        }
        return r;
}

/* The error of the turn is one of a claim, and not that the connection was lost. */
static int is_refused_claim(const Turn *turn, int r) {
        const DbError *error = &turn->runner->session.error;

        return r && r == error->class &&
               !strcmp(error->where ? error->where : "", sql_name(SQL_JOB_CLAIM)) &&
               (r == DB_E_RETRY || session_is_refusal(&turn->runner->session, r));
}

int turn_run(const TurnContext *context, int32_t co_id, TurnResult *ret) {
        Turn turn = {.context = context,
                     .runner = context->runner,
                     .lane = {.co_id = co_id,
                              .token = identity_token(),
                              .generation = context->generation},
                     .state = {.began_usec = clock_now_usec()}};
        Claim claim = {0};
        int is_taken = 0;

        *ret = (TurnResult){.end = TURN_STOPPED};
        if (!may_go_on(&turn))
                return 0;
        /* It may have been lost with the last word of the turn before. */
        int r = session_connect(&turn.runner->session);
        if (!r)
                r = take_lane(&turn, &is_taken, &claim);
        if (!r && is_taken)
                r = serve_lane(&turn, &claim, &ret->end);
        else if (!r)
                ret->end = TURN_EMPTY;
        if (is_refused_claim(&turn, r)) {
                r = note_refusal(&turn, &ret->end);
        } else if (r == DB_E_RETRY && !is_taken) { /* somebody has a lock on the lane */
                ret->end = TURN_SHARE;
                r = 0;
        }
        give_to_budget(&turn);
        ret->jobs = turn.state.jobs;
        ret->is_worn = turn.is_worn;
        (void) snprintf(ret->why, sizeof(ret->why), "%s", turn.why_down);
        claim_done(&claim);
        return r;
}
