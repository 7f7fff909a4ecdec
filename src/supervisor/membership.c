#include "supervisor/membership.h"

#include <string.h>

#include "core/plan.h"
#include "db/pg.h"
#include "util/log.h"
#include "util/log_ids.h"

int membership_is_dead(const Identity *self, const Peer *peer) {
        if (peer->has_lapsed)
                return 1;
        return !strcmp(self->host, peer->host) && !strcmp(self->boot, peer->boot) &&
               process_life(peer->pid, peer->start_ticks) == PROCESS_GONE;
}

static void extend(Membership *m) {
        m->lease_end_usec = usec_add(m->asked_usec, m->lease_usec);
        m->events.on_renewed(m->events.userdata);
}

static void on_registered(const DbReply *reply, void *userdata, int64_t number) {
        Membership *m = userdata;
        (void) number;

        m->is_asking = 0;
        if (reply->error.class) {
                if (reply->error.class != DB_E_UNAVAILABLE)
                        m->events.on_refused(&reply->error, m->events.userdata);
                return; /* the next heartbeat tries again */
        }
        DbError error;
        if (supervisor_register_read(reply, &m->identity.id, &error)) {
                m->events.on_refused(&error, m->events.userdata);
                return;
        }
        extend(m);
        m->events.on_registered(m->events.userdata);
}

static void on_renewed(const DbReply *reply, void *userdata, int64_t is_back) {
        Membership *m = userdata;

        m->is_asking = 0;
        if (reply->error.class)
                return; /* what follows from a lease that ends is decided by the clock */
        if (db_affected(reply, 0)) {
                extend(m);
                if (is_back)
                        m->events.on_registered(m->events.userdata);
                return;
        }
        LogFields fields = {.message_id = LOG_ID_LEASE_LOST};
        log_write(LOG_ERR, &fields, "others took this supervisor for dead and settled its jobs");
        m->identity.id = 0;
        m->identity.token = identity_token();
        m->events.on_lost(m->events.userdata);
}

static void ask(Membership *m, int is_back) {
        Batch batch = {0};

        if (m->is_asking || !link_is_up(m->link))
                return;
        m->asked_usec = clock_now_usec();
        if (m->identity.id)
                supervisor_renew_add(&batch, &m->identity, m->workers, m->busy, m->counters);
        else
                supervisor_register_add(&batch, &m->identity, m->kind, m->workers, m->lease_usec);
        m->is_asking = !link_submit_first(m->link, &batch,
                                          m->identity.id ? on_renewed : on_registered, m, is_back);
}

void membership_up(Membership *m) {
        m->is_asking = 0;
        ask(m, 1);
}

void membership_renew(Membership *m) {
        ask(m, 0);
}

static void on_others(const DbReply *reply, void *userdata, int64_t number) {
        Membership *m = userdata;
        Peer peer;
        (void) number;

        for (int row = 0; row < db_rows(reply, 0); row++) {
                supervisor_others_read(reply->results[0], row, &peer);
                if (membership_is_dead(&m->identity, &peer))
                        m->events.on_dead_peer(&peer, m->events.userdata);
        }
        if (reply->error.class)
                return;
        int32_t pids[PLAN_SLOTS_MAX];
        size_t n = 0;
        for (int row = 0; row < db_rows(reply, 1); row++) {
                int32_t pid = (int32_t) db_int(reply->results[1], row, 0);
                if (n < ARRAY_SIZE(pids))
                        pids[n++] = pid;
                m->events.on_own_worker(pid, m->events.userdata);
        }
        m->events.on_holders(pids, n, m->looked_usec, m->events.userdata);
}

void membership_look(Membership *m) {
        Batch batch = {0};
        if (!link_is_up(m->link) || !m->identity.id)
                return;
        supervisor_others_add(&batch, m->identity.id);
        holder_list_add(&batch, m->identity.id);
        m->looked_usec = clock_now_usec();
        (void) link_submit(m->link, &batch, on_others, m, 0);
}

void membership_leave(Membership *m, AsyncDone done, void *userdata) {
        Batch batch = {0};
        supervisor_remove_add(&batch, m->identity.id, m->identity.token);
        if (!m->identity.id || link_submit(m->link, &batch, done, userdata, 0)) {
                DbReply none = {0};
                batch_done(&batch);
                done(&none, userdata, 0);
        }
}
