/*
 * doctor: looks at everything that has to be right for jobs to run, and says what to do about what
 * is not. Each look is a round trip of its own, so that one that fails is one finding, and the rest
 * goes on. What to think of the answers is decided in core/doctor.c.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/verbs.h"
#include "db/connect.h"
#include "db/doctor_store.h"
#include "db/explain_store.h"
#include "db/pg.h"
#include "db/schema.h"
#include "supervisor/membership.h"

typedef struct Doctor {
        Cli *cli;
        DoctorReport report;
        Identity self;
        char role[128];
        int daemons; /* alive */
} Doctor;

static void note_error(Doctor *d, const char *check, const DbError *error) {
        const char *hint = sqlstate_hint(error->class);
        int is_slow = !strcmp(error->sqlstate, "57014") || !strcmp(error->sqlstate, "55P03");

        if (is_slow)
                doctor_add(&d->report, DOCTOR_NOTICE, check,
                           "run it again when the database is less busy",
                           "not looked at, because it took too long: %s", error->message);
        else
                doctor_add(&d->report, DOCTOR_ERROR, check, hint, "could not look: %s",
                           error->message);
}

/* Runs one statement without parameters; 0, or 1 when the finding was that it failed. */
static int look(Doctor *d, const char *check, SqlId id, DbReply *reply) {
        Batch batch = {0};

        batch_add(&batch, id);
        if (!db_run(d->cli->db, &batch, reply))
                return 0;
        note_error(d, check, &reply->error);
        return 1;
}

static void look_at_server(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        DoctorServer server;

        if (look(d, "connection", SQL_DOCTOR_SERVER, &reply))
                return;
        doctor_server_read(reply.results[0], &server);
        (void) snprintf(d->role, sizeof(d->role), "%s", server.role);
        doctor_server(&d->report, &server);
}

/* The smaller round trip of two: the first one also prepares the statement. */
static void look_at_clock(Doctor *d) {
        for (int i = 0; i < 2; i++) {
                _cleanup_(db_reply_donep) DbReply reply = {0};
                int64_t before = clock_wall_usec();
                if (look(d, "clock", SQL_DOCTOR_CLOCK, &reply))
                        return;
                int64_t half = (clock_wall_usec() - before) / 2;
                if (i)
                        doctor_clock(&d->report, db_int(reply.results[0], 0, 0) - before - half,
                                     half);
        }
}

/*
 * With statements that are not prepared, because those are what a pooler breaks. Returns 1 when
 * nothing else can be asked, or else 0 with an open connection.
 */
static int look_at_pooler(Doctor *d, PGconn **ret) {
        DbError error = {0};
        int is_between = 0;
        PGconn *conn;

        if (db_open_plain(&d->cli->settings, &conn, &error)) {
                note_error(d, "connection", &error);
                return 1;
        }
        int r = connect_check_pooler(conn, &d->cli->settings, &is_between, &error);
        if (r && r != DB_E_POOLER)
                note_error(d, "pooler", &error);
        else
                doctor_pooler(&d->report, is_between, r == DB_E_POOLER);
        if (r) {
                PQfinish(conn);
                return 1;
        }
        *ret = conn;
        return 0;
}

/* Returns the version of the schema, or -1 when it was not to be seen. */
static int look_at_schema(Doctor *d, PGconn *conn) {
        SchemaState state = {0};
        DbError error = {0};

        if (schema_check(conn, &state, &error)) {
                note_error(d, "schema", &error);
                return -1;
        }
        doctor_schema(&d->report, state.version, schema_version_needed());
        return state.version;
}

static void look_at_triggers(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        const char *name;
        int is_there;

        if (look(d, "triggers", SQL_DOCTOR_TRIGGERS, &reply))
                return;
        for (int row = 0; row < db_rows(&reply, 0); row++) {
                doctor_trigger_read(reply.results[0], row, &name, &is_there);
                doctor_trigger(&d->report, name, is_there);
        }
        if (!db_rows(&reply, 0))
                doctor_add(&d->report, DOCTOR_OK, "triggers", NULL, "%d, all enabled",
                           SCHEMA_TRIGGERS);
}

static void look_at_rights(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        const char *right;
        int is_extra;

        if (look(d, "rights", SQL_DOCTOR_RIGHTS, &reply))
                return;
        for (int row = 0; row < db_rows(&reply, 0); row++) {
                doctor_right_read(reply.results[0], row, &right, &is_extra);
                doctor_right(&d->report, d->role, right, is_extra);
        }
        if (!db_rows(&reply, 0))
                doctor_add(&d->report, DOCTOR_OK, "rights", NULL, "%s has all that it needs",
                           d->role);
}

static DoctorSupervisor view_of(const Participant *p, int is_alive) {
        return (DoctorSupervisor){.is_daemon = p->is_daemon,
                                  .host = p->peer.host,
                                  .pid = p->peer.pid,
                                  .is_alive = is_alive,
                                  .has_lapsed = p->peer.has_lapsed,
                                  .seen_ago = p->seen_ago,
                                  .lease = p->lease,
                                  .lanes = p->busy};
}

static void look_at_supervisors(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Participant p;
        int workers = 0;

        if (look(d, "supervisors", SQL_WHY_SUPERVISORS, &reply))
                return;
        for (int row = 0; row < db_rows(&reply, 0); row++) {
                why_supervisors_read(reply.results[0], row, &p);
                if (p.is_daemon && !membership_is_dead(&d->self, &p.peer)) {
                        d->daemons++;
                        workers += p.workers;
                }
        }
        doctor_daemons(&d->report, d->daemons, workers);
        for (int row = 0; row < db_rows(&reply, 0); row++) {
                why_supervisors_read(reply.results[0], row, &p);
                DoctorSupervisor s = view_of(&p, !membership_is_dead(&d->self, &p.peer));
                doctor_supervisor(&d->report, &s, d->daemons > 0);
        }
        if (doctor_has_none(&d->report, "supervisors"))
                doctor_add(&d->report, DOCTOR_OK, "supervisors", NULL,
                           "nobody has died without being settled");
}

static void look_at_lanes(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        DoctorLane lane;

        if (look(d, "lanes", SQL_DOCTOR_LANES, &reply))
                return;
        for (int row = 0; row < db_rows(&reply, 0); row++) {
                doctor_lane_read(reply.results[0], row, &lane);
                doctor_lane(&d->report, &lane);
        }
        if (doctor_has_none(&d->report, "lanes"))
                doctor_add(&d->report, DOCTOR_OK, "lanes", NULL, "%d held, all at work",
                           db_rows(&reply, 0));
        if (doctor_has_none(&d->report, "stalled"))
                doctor_add(&d->report, DOCTOR_OK, "stalled", NULL, "no running job");
}

static void look_at_queue(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        DoctorQueue queue;

        if (look(d, "queue", SQL_DOCTOR_QUEUE, &reply))
                return;
        doctor_queue_read(reply.results[0], &queue);
        doctor_queue(&d->report, queue.missing, queue.superfluous, queue.late, d->daemons > 0);
}

static void look_at_holders(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        char process[PROCESS_NAME_SIZE];
        DoctorHolder holder;
        int64_t all = 0;

        if (look(d, "holders", SQL_DOCTOR_HOLDERS, &reply))
                return;
        for (int row = 0; row < db_rows(&reply, 0); row++) {
                doctor_holder_read(reply.results[0], row, &holder, &all);
                holder.is_here = holder.host && !strcmp(holder.host, d->self.host);
                if (holder.is_here && holder.pid > 0 && !process_name(holder.pid, process))
                        holder.process = process;
                doctor_holder(&d->report, &holder);
        }
        if (all > db_rows(&reply, 0))
                doctor_add(&d->report, DOCTOR_WARNING, "holders", "settle those, and look again",
                           "%lld jobs more are like that", (long long) all - db_rows(&reply, 0));
        else if (!all)
                doctor_add(&d->report, DOCTOR_OK, "holders", NULL,
                           "no job is held by somebody else's runner");
}

static void look_at_transactions(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        DoctorTransactions t;

        if (look(d, "transactions", SQL_DOCTOR_TRANSACTIONS, &reply))
                return;
        doctor_transactions_read(reply.results[0], &t);
        doctor_transactions(&d->report, t.age_s, t.what, t.hidden);
}

static void look_at_all(Doctor *d) {
        _cleanup_(db_reply_donep) DbReply begun = {0};
        PGconn *plain;

        if (look_at_pooler(d, &plain))
                return;
        int version = look_at_schema(d, plain);
        PQfinish(plain);
        if (look(d, "connection", SQL_DOCTOR_BEGIN, &begun))
                return;
        look_at_server(d);
        look_at_clock(d);
        look_at_transactions(d);
        if (!version)
                return; /* nothing of the rest is there */
        look_at_triggers(d);
        look_at_rights(d);
        if (version < 0)
                return; /* each would fail in the same way */
        look_at_supervisors(d);
        look_at_lanes(d);
        look_at_queue(d);
        look_at_holders(d);
}

static int print_json(const DoctorReport *report) {
        json_t *checks = json_array();

        for (size_t i = 0; i < report->n; i++) {
                const Finding *f = &report->findings[i];
                (void) json_array_append_new(
                        checks, json_pack("{ss ss ss so}", "check", f->check, "result",
                                          doctor_level_name(f->level), "text", f->text, "remedy",
                                          *f->remedy ? json_string(f->remedy) : json_null()));
        }
        return output_value_json(json_pack(
                "{ss so}", "result", doctor_level_name(doctor_worst(report)), "checks", checks));
}

static void print_text(const Cli *cli, const DoctorReport *report) {
        char line[1024];

        for (size_t i = 0; i < report->n; i++) {
                const Finding *f = &report->findings[i];
                if (cli->options->is_quiet && f->level == DOCTOR_OK)
                        continue;
                (void) snprintf(line, sizeof(line), "%-8s %-13s %s", doctor_level_name(f->level),
                                f->check, f->text);
                output_line(line);
                if (*f->remedy) {
                        (void) snprintf(line, sizeof(line), "%-22s -> %s", "", f->remedy);
                        output_line(line);
                }
        }
}

/* A database that is not to be reached is a finding, too. */
static int connect_or_note(Doctor *d) {
        DbError error = {0};

        int code = cli_open(d->cli, &error);
        if (code)
                doctor_add(&d->report, DOCTOR_ERROR, "connection",
                           "is the server running, are [database] conninfo, the role and its "
                           "password right, and is it no standby and "
                           "default_transaction_read_only off?",
                           "%s", error.message);
        return code;
}

static int examine(Doctor *d) {
        if (identity_init(&d->self)) {
                cli_say("could not find out which host this is");
                return CLI_FAILED;
        }
        int code = connect_or_note(d);
        if (!code)
                look_at_all(d);
        int printed = CLI_OK;
        if (d->cli->options->is_json)
                printed = print_json(&d->report);
        else
                print_text(d->cli, &d->report);
        if (code || printed)
                return code ? code : printed;
        return doctor_worst(&d->report) > DOCTOR_NOTICE ? CLI_FAILED : CLI_OK;
}

int verb_doctor(Cli *cli) {
        _cleanup_(freep) Doctor *d = calloc(1, sizeof(*d));
        if (!d) {
                cli_say("out of memory");
                return CLI_FAILED;
        }
        d->cli = cli;
        return examine(d);
}
