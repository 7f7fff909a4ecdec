/*
 * The row is registered over every new connection, or renewed when it was there before; what
 * follows from a renewal that fails is decided by the clock (decide.c). A renewal that finds no row
 * means that others took this supervisor for dead.
 *
 * Others are looked at with each sweep and, where there are any, with each heartbeat. The answer of
 * a look counts as of when it was asked for: it may have waited while this host was suspended.
 */
#include "supervisor/membership.h"

#include <stdlib.h>

#include "core/lease.h"
#include "core/plan.h"
#include "db/pg.h"
#include "supervisor/supervisor_private.h"
#include "util/log.h"
#include "util/log_ids.h"

#define MODELS_LEFT_MAX 20 /* that a drain tells of */

static void extend_lease(Supervisor *s) {
        Membership *m = &s->membership;
        m->lease_end_usec = usec_add(m->asked_usec, m->lease_usec);
        pool_set_lease_end(s->pool, m->lease_end_usec);
}

static void on_registered(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        (void) number;

        s->membership.is_asking = 0;
        if (reply->error.class) {
                if (reply->error.class != DB_E_UNAVAILABLE)
                        supervisor_note_refusal(s, &reply->error);
                return; /* the next heartbeat tries again */
        }
        DbError error;
        if (supervisor_register_read(reply, &s->membership.identity.id, &error)) {
                supervisor_note_refusal(s, &error);
                return;
        }
        s->membership.told = 0;
        extend_lease(s);
        supervisor_begin_membership(s);
}

static void on_renewed(const DbReply *reply, void *userdata, int64_t is_back) {
        Supervisor *s = userdata;
        Membership *m = &s->membership;

        m->is_asking = 0;
        if (reply->error.class && reply->error.class != DB_E_UNAVAILABLE) {
                supervisor_note_trouble(s, TROUBLE_LEASE, reply->error.message);
                if (is_back)
                        supervisor_note_refusal(s, &reply->error);
        }
        if (reply->error.class)
                return;
        supervisor_end_trouble(s, TROUBLE_LEASE);
        if (db_affected(reply, 0)) {
                extend_lease(s);
                if (is_back)
                        supervisor_begin_membership(s);
                return;
        }
        LogFields fields = {.message_id = LOG_ID_LEASE_LOST};
        log_write(LOG_ERR, &fields, "others took this supervisor for dead and settled its jobs");
        m->identity.id = 0;
        m->identity.token = identity_token();
        supervisor_lose_membership(s);
}

static void add_renewal(const Supervisor *s, Batch *batch) {
        const Membership *m = &s->membership;
        const Trouble *trouble = trouble_told(&s->troubles);
        char sentence[TROUBLE_SENTENCE_SIZE];
        usec_t lasts = 0;

        if (trouble) {
                trouble_describe(trouble, sentence);
                lasts = usec_sub(m->asked_usec, trouble->since_usec);
        }
        supervisor_renew_add(batch, &m->identity, m->workers, m->busy, m->counters,
                             trouble ? sentence : NULL, (int64_t) (lasts / USEC_PER_SEC));
}

static void send_renewal(Supervisor *s, int is_back) {
        Membership *m = &s->membership;
        Batch batch = {0};

        if (m->is_asking || !link_is_up(s->link))
                return;
        m->asked_usec = clock_now_usec();
        if (m->identity.id)
                add_renewal(s, &batch);
        else
                supervisor_register_add(&batch, &m->identity, m->kind, m->workers, m->lease_usec);
        m->is_asking = !link_submit(s->link, &batch, m->identity.id ? on_renewed : on_registered, s,
                                    is_back);
}

/* A drain has nobody who waits for a right that is missing, for example. */
static void note_untold(Supervisor *s, const DbError *error) {
        if (error->class == DB_E_UNAVAILABLE || error->class == DB_E_RETRY)
                return;
        log_error("could not write which models are here: %s", error->message);
        if (s->args->drain) {
                s->exit_code = EXIT_FAILURE;
                supervisor_begin_stop(s, 0);
        }
}

/* A look finds the jobs that may run here now. */
static void on_told(const DbReply *reply, void *userdata, int64_t generation) {
        Supervisor *s = userdata;
        Membership *m = &s->membership;

        m->is_telling = 0;
        if (reply->error.class) {
                note_untold(s, &reply->error);
                return; /* the next heartbeat tries again */
        }
        m->told = (int32_t) generation;
        membership_tell_models(s);
        lookout_look(s);
}

int membership_has_told(const Supervisor *s) {
        return s->membership.told == s->membership.generation;
}

void membership_tell_models(Supervisor *s) {
        Membership *m = &s->membership;
        Batch batch = {0};

        if (!s->is_member || m->is_telling || membership_has_told(s))
                return;
        supervisor_models_add(&batch, m->identity.id, m->models, m->generation, m->problem);
        m->is_telling = !link_submit(s->link, &batch, on_told, s, m->generation);
}

void membership_provide(Supervisor *s, char *models, char *problem) {
        Membership *m = &s->membership;

        free(m->models);
        free(m->problem);
        m->models = models;
        m->problem = problem;
        m->generation++;
        s->has_looked = 0; /* there may be work now */
        membership_tell_models(s);
}

void membership_connect(Supervisor *s) {
        s->membership.is_asking = s->membership.is_looking = s->membership.is_telling = 0;
        s->membership.told = 0;            /* a failover may have undone it */
        peers_clear(&s->membership.peers); /* it may be another database: counts may come again */
        send_renewal(s, 1);
}

void membership_renew(Supervisor *s) {
        send_renewal(s, !s->is_member); /* a renewal may have been refused since it is connected */
        membership_tell_models(s);
        if (s->membership.peers.n)
                membership_find_dead(s); /* the sweep may be rarer than leases are long */
}

/* A will for everything that a dead supervisor left. */
static void add_dead_peer(Supervisor *s, const Peer *peer, int has_lapsed) {
        Will will = {.supervisor_id = peer->id,
                     .token = peer->token,
                     .renewals = peer->renewals,
                     .has_lapsed = has_lapsed,
                     .is_here = peer_is_here(&s->membership.identity, peer)};
        JobUsage unknown = {0};

        will_write(&will, (Outcome){.kind = OUTCOME_UNKNOWN}, NULL, &unknown);
        if (!settler_add(&s->settler, &will))
                s->is_will_missed = 1;
        else
                log_notice("supervisor %d (pid %d on %s) is dead, settling what it left", peer->id,
                           peer->pid, peer->host);
}

/*
 * A process that is gone from this host is dead at once, whatever its row says; everybody else when
 * its row has not been renewed for a lease of our clock.
 */
static void judge_peer(Supervisor *s, const Peer *peer, usec_t now) {
        Membership *m = &s->membership;
        usec_t still_usec = peers_note(&m->peers, peer->id, peer->renewals, m->looked_usec, now);
        int has_lapsed = still_usec >= lease_patience(peer->lease_usec);

        if (has_lapsed || peer_is_gone(&m->identity, peer))
                add_dead_peer(s, peer, has_lapsed);
}

static void judge_peers(Supervisor *s, const PGresult *rows) {
        usec_t now = clock_now_usec();
        Peer peer;

        peers_begin_look(&s->membership.peers);
        for (int row = 0; row < PQntuples(rows); row++) {
                supervisor_others_read(rows, row, &peer);
                judge_peer(s, &peer, now);
        }
        peers_end_look(&s->membership.peers);
}

/*
 * A lane taken by a batch that the server came to only after its worker's death was settled: nobody
 * would give it back.
 */
static void add_stray(Supervisor *s, int32_t pid, int64_t start_ticks) {
        Will will = {
                .supervisor_id = s->membership.identity.id, .pid = pid, .start_ticks = start_ticks};
        JobUsage unknown = {0};

        if (pool_has(s->pool, pid, start_ticks) || supervisor_has_will(s, pid, start_ticks))
                return;
        will_write(&will, (Outcome){.kind = OUTCOME_BELATED}, NULL, &unknown);
        s->is_will_missed |= !settler_add(&s->settler, &will);
}

static void on_looked(const DbReply *reply, void *userdata, int64_t number) {
        Supervisor *s = userdata;
        int32_t pids[PLAN_SLOTS_MAX];
        size_t n = 0;
        (void) number;

        s->membership.is_looking = 0;
        if (reply->error.class != DB_E_RETRY && reply->error.class != DB_E_UNAVAILABLE)
                s->membership.has_looked = 1;
        if (reply->error.class)
                return;
        judge_peers(s, reply->results[0]);
        for (int row = 0; row < db_rows(reply, 1); row++) {
                int32_t pid = (int32_t) db_int(reply->results[1], row, 0);
                if (n < ARRAY_SIZE(pids))
                        pids[n++] = pid;
                add_stray(s, pid, db_int(reply->results[1], row, 1));
        }
        supervisor_check_holders(s, pids, n);
        supervisor_fork_settler(s);
}

void membership_find_dead(Supervisor *s) {
        Membership *m = &s->membership;
        Batch batch = {0};

        if (!link_is_up(s->link) || !m->identity.id || m->is_looking)
                return;
        supervisor_others_add(&batch, m->identity.id);
        lane_holders_add(&batch, m->identity.id);
        m->looked_usec = clock_now_usec();
        m->is_looking = !link_submit(s->link, &batch, on_looked, s, 0);
}

static void say_lane_left(const LaneLeft *lane) {
        log_write(lane->has_lapsed ? LOG_WARNING : LOG_NOTICE, &(LogFields){.co_id = lane->co_id},
                  "CO %d was left alone: a %s on %s (PID %d) has its queue, last seen %lld s ago%s",
                  lane->co_id, lane->kind, lane->host, lane->pid, (long long) lane->seen_ago,
                  lane->has_lapsed ? "; if it is dead, a daemon takes the queue over when that has "
                                     "not renewed its lease for as long as that is"
                                   : "");
}

static void on_lanes_left(const DbReply *reply, void *userdata, int64_t number) {
        LaneLeft lane;
        (void) userdata;
        (void) number;

        for (int row = 0; row < db_rows(reply, 0) && row < LANES_LEFT_MAX; row++) {
                lanes_left_read(reply->results[0], row, &lane);
                say_lane_left(&lane);
        }
        if (db_rows(reply, 0) > LANES_LEFT_MAX)
                log_notice("more COs than these %d were left alone", LANES_LEFT_MAX);
}

static void say_model_left(const ModelLeft *model) {
        LogFields fields = {.job_id = model->first_job,
                            .hint = "[plugins] load and [exec ...] in the configuration say what "
                                    "there is; registry-job doctor"};

        log_write(LOG_WARNING, &fields,
                  "%lld job%s of model %s, the first of them %d, left alone: nobody provides it",
                  (long long) model->jobs, model->jobs == 1 ? "" : "s", model->name,
                  model->first_job);
}

static void on_models_left(const DbReply *reply, void *userdata, int64_t number) {
        ModelLeft model;
        (void) userdata;
        (void) number;

        for (int row = 0; row < db_rows(reply, 0); row++) {
                models_unprovided_read(reply->results[0], row, &model);
                say_model_left(&model);
        }
}

/*
 * A drain does not stay for a lease, without which nobody is known to be dead, nor for models. In
 * batches of their own: what the server refuses of them must not keep the row.
 */
static void ask_what_is_left(Supervisor *s) {
        int32_t id = s->membership.identity.id;
        Batch lanes = {0}, models = {0};

        lanes_left_add(&lanes, id, s->args->drain->co_id);
        (void) link_submit(s->link, &lanes, on_lanes_left, s, 0);
        models_unprovided_add(&models, id, MODELS_LEFT_MAX);
        (void) link_submit(s->link, &models, on_models_left, s, 0);
}

void membership_leave(Supervisor *s, AsyncDone done) {
        const Identity *self = &s->membership.identity;
        Batch batch = {0};

        if (s->args->drain && self->id)
                ask_what_is_left(s);
        supervisor_remove_add(&batch, self->id, self->token);
        if (!self->id || link_submit(s->link, &batch, done, s, 0)) {
                DbReply none = {0};
                batch_done(&batch);
                done(&none, s, 0);
        }
}
