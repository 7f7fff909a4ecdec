#include "cli/evidence.h"

#include <string.h>

#include "db/pg.h"

/* The job first: whoever it is assigned to then is seen by the second statement. */
enum { JOB, SUPERVISORS };

void evidence_done(Evidence *e) {
        db_reply_done(&e->reply);
}

/* What is seen of the process, if it is of this host, is more than what the clock says. */
static WhySupervisor view_of(const Identity *self, const Participant *p) {
        int is_gone = peer_is_gone(self, &p->peer);
        return (WhySupervisor){.id = p->peer.id,
                               .is_alive = !is_gone && !p->has_lapsed,
                               .has_lapsed = !is_gone && p->has_lapsed,
                               .seen_ago = p->seen_ago};
}

/*
 * A command that has noted the job. One of an earlier version notes nothing: then it was there when
 * the job was given its host and PID, outside any lane.
 */
static int runs_in_foreground(const Participant *p, const WhyFacts *f) {
        if (p->job_id != PARTICIPANT_JOB_UNKNOWN)
                return p->job_id == f->id;
        return !p->is_daemon && f->host && !strcmp(p->peer.host, f->host) &&
               p->peer.pid == f->pid && f->modified >= p->started;
}

/* Each heartbeat renews the lease, and there are several in one. */
static int is_overdue(const Participant *p) {
        return p->seen_ago > (int64_t) (p->peer.lease_usec / USEC_PER_SEC) / 2;
}

static void note_trouble(Evidence *e, int row, const Participant *p) {
        WhyFacts *f = &e->facts;

        if (!p->trouble || f->trouble)
                return;
        f->trouble = p->trouble;
        f->trouble_since = p->trouble_since;
        f->trouble_host = db_text(e->reply.results[SUPERVISORS], row, WHY_SUPERVISORS_HOST);
}

static void add_participants(Evidence *e, int32_t holder_id) {
        WhyFacts *f = &e->facts;
        int64_t silent = INT64_MAX;
        Participant p;

        for (int row = 0; row < db_rows(&e->reply, SUPERVISORS); row++) {
                why_supervisors_read(e->reply.results[SUPERVISORS], row, &p);
                WhySupervisor view = view_of(&e->self, &p);
                if (p.is_daemon && view.is_alive) {
                        f->daemons++;
                        if (p.provides) {
                                f->workers += p.workers;
                                f->busy += MIN_OF(p.busy, p.workers);
                        } else {
                                f->others++;
                        }
                        note_trouble(e, row, &p);
                        silent = MIN_OF(silent, is_overdue(&p) ? p.seen_ago : 0);
                }
                if (p.peer.id == holder_id) {
                        f->holder = view;
                        f->holder_host =
                                db_text(e->reply.results[SUPERVISORS], row, WHY_SUPERVISORS_HOST);
                }
                if (runs_in_foreground(&p, f))
                        f->command = view;
        }
        f->silent = f->daemons ? silent : 0;
}

int evidence_collect(Cli *cli, int32_t id, Evidence *ret) {
        Batch batch = {0};
        WhyRow row;

        *ret = (Evidence){0};
        if (identity_init(&ret->self)) {
                cli_say("could not find out which host this is");
                return CLI_FAILED;
        }
        int code = cli_connect(cli);
        if (code)
                return code;
        why_job_add(&batch, id);
        why_supervisors_add(&batch, id);
        code = cli_run(cli, &batch, &ret->reply);
        if (code)
                return code;
        why_job_read(ret->reply.results[JOB], id, &row);
        ret->facts = row.facts;
        ret->has_pid = row.has_pid;
        add_participants(ret, row.supervisor_id);
        return CLI_OK;
}
