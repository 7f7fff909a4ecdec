#include "cli/evidence.h"

#include <string.h>

#include "db/pg.h"
#include "supervisor/membership.h"

/* The job first: whoever it is assigned to then is seen by the second statement. */
enum { JOB, SUPERVISORS };

void evidence_done(Evidence *e) {
        db_reply_done(&e->reply);
}

static WhySupervisor view_of(const Participant *p, int is_alive) {
        return (WhySupervisor){.id = p->peer.id,
                               .is_alive = is_alive,
                               .has_lapsed = p->peer.has_lapsed,
                               .seen_ago = p->seen_ago};
}

/* A command that was there when the job was given its host and PID, outside any lane. */
static int runs_in_foreground(const Participant *p, const WhyFacts *f) {
        return !p->is_daemon && f->host && !strcmp(p->peer.host, f->host) &&
               p->peer.pid == f->pid && f->modified >= p->started;
}

static void add_participants(Evidence *e, int32_t holder_id) {
        WhyFacts *f = &e->facts;
        Participant p;

        for (int row = 0; row < db_rows(&e->reply, SUPERVISORS); row++) {
                why_supervisors_read(e->reply.results[SUPERVISORS], row, &p);
                int is_alive = !membership_is_dead(&e->self, &p.peer);
                if (p.is_daemon && is_alive) {
                        f->daemons++;
                        f->workers += p.workers;
                        f->busy += MIN_OF(p.busy, p.workers);
                }
                if (p.peer.id == holder_id) {
                        f->holder = view_of(&p, is_alive);
                        f->holder_host =
                                db_text(e->reply.results[SUPERVISORS], row, WHY_SUPERVISORS_HOST);
                }
                if (runs_in_foreground(&p, f))
                        f->command = view_of(&p, is_alive);
        }
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
        why_supervisors_add(&batch);
        code = cli_run(cli, &batch, &ret->reply);
        if (code)
                return code;
        why_job_read(ret->reply.results[JOB], id, &row);
        ret->facts = row.facts;
        ret->has_pid = row.has_pid;
        add_participants(ret, row.supervisor_id);
        return CLI_OK;
}
