/*
 * top: the live view. One batch of three statements for each picture, and the next one not before
 * the last one was answered: a server that is slow is not asked more than it answers. The
 * connection is watched beside the keys, so that a silent server keeps nobody; it is the command's
 * own, and is opened again with growing pauses, for as long as somebody looks. Only connecting
 * blocks, for a bounded time; then Ctrl-C ends the view all the same, and q a moment later.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/co.h"
#include "cli/output.h"
#include "cli/picture.h"
#include "cli/screen.h"
#include "cli/verbs.h"
#include "core/backoff.h"
#include "db/async.h"

#define INTERVAL_SEC 2 /* unless --interval says otherwise */
#define ROWS_MAX 500   /* of each table */
#define STATEMENT_USEC (5 * USEC_PER_SEC)
#define DEADLINE_USEC (8 * USEC_PER_SEC) /* of a server that does not answer */
#define CONNECT_USEC (5 * USEC_PER_SEC)  /* for one host */

static const Backoff pauses = {.first_usec = USEC_PER_SEC, .max_usec = 10 * USEC_PER_SEC};

typedef struct Top {
        Cli *cli;
        DbSettings settings;
        int32_t co_id; /* 0: all */
        usec_t interval_usec;
        Screen screen;
        Async *async; /* NULL: to be opened at `next_usec` */
        int is_asking;
        usec_t next_usec; /* when to ask, or to connect */
        unsigned failures;
        Picture picture;
        int has_trouble;
        DbError trouble; /* why there is no newer picture */
        int is_over, code;
        DbError error; /* that ended the view; said when the terminal is given back */
} Top;

static void build_questions(const Top *top, Batch *batch) {
        static const SqlId ids[] = {SQL_TOP_TOTALS, SQL_TOP_RUNNING, SQL_TOP_WAITING};

        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                batch_add(batch, ids[i]);
                if (top->co_id)
                        batch_int(batch, top->co_id);
                else
                        batch_null(batch);
                if (ids[i] != SQL_TOP_TOTALS)
                        batch_int(batch, ROWS_MAX);
        }
}

/* Keeps a copy of the results. Returns 0, or -ENOMEM with the last picture as it was. */
static int keep_picture(Top *top, const DbReply *reply) {
        Picture new = {.at = time(NULL)};
        int r = 0;

        for (size_t i = 0; i < PICTURE_RESULTS; i++) {
                new.results[i] =
                        PQcopyResult(reply->results[i], PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
                if (!new.results[i])
                        r = -ENOMEM;
        }
        if (!r)
                r = picture_prepare(&new);
        if (r) {
                picture_done(&new);
                return r;
        }
        picture_done(&top->picture);
        top->picture = new;
        return 0;
}

static void end_view(Top *top, int code) {
        top->is_over = 1;
        top->code = code;
}

static void end_by_error(Top *top, const DbError *error) {
        top->error = *error;
        end_view(top, CLI_FAILED);
}

static void end_without_memory(Top *top) {
        end_by_error(top, &(DbError){.class = -ENOMEM, .message = "out of memory"});
}

static void draw(Top *top) {
        if (picture_draw(&top->picture, top->has_trouble ? top->trouble.message : NULL))
                end_view(top, CLI_FAILED); /* main() says that the output could not be written */
}

static void note_trouble(Top *top, const DbError *error) {
        top->trouble = *error;
        top->has_trouble = 1;
        top->next_usec = usec_add(clock_now_usec(),
                                  backoff_delay(&pauses, ++top->failures, (uint32_t) random()));
        draw(top);
}

/* 1 for what may be over when it is asked again on the same connection. */
static int may_pass(int class) {
        return class == DB_E_RETRY || class == DB_E_FULL;
}

static void on_answer(const DbReply *reply, void *userdata, int64_t number) {
        Top *top = userdata;

        (void) number;
        top->is_asking = 0;
        if (reply->error.class == DB_E_UNAVAILABLE)
                return; /* close_connection() says so */
        if (may_pass(reply->error.class)) {
                note_trouble(top, &reply->error);
                return;
        }
        if (reply->error.class) {
                end_by_error(top, &reply->error);
                return;
        }
        if (keep_picture(top, reply)) {
                end_without_memory(top);
                return;
        }
        top->failures = 0;
        top->has_trouble = 0;
        top->next_usec = usec_add(clock_now_usec(), top->interval_usec);
        draw(top);
}

static void close_connection(Top *top, const char *why) {
        DbError error = *async_error(top->async);

        error.class = DB_E_UNAVAILABLE;
        if (why || !*error.message)
                (void) snprintf(error.message, sizeof(error.message), "%s",
                                why ? why : "the connection was lost");
        top->async = async_free(top->async);
        note_trouble(top, &error);
}

static void step_connection(Top *top) {
        if (async_step(top->async))
                close_connection(top, NULL);
        else if (clock_now_usec() >= async_deadline(top->async))
                close_connection(top, "the server does not answer");
}

static void ask(Top *top) {
        Batch batch = {0};

        build_questions(top, &batch);
        if (async_submit(top->async, &batch, on_answer, top, 0)) {
                end_without_memory(top);
                return;
        }
        top->is_asking = 1;
        step_connection(top);
}

/* The first connection of all is opened before, where a failure ends the command. */
static void connect_again(Top *top) {
        DbError error;
        Db *db;

        if (db_open(&top->settings, &db, &error))
                note_trouble(top, &error);
        else if (async_new(db, &top->async)) {
                (void) db_close(db);
                end_without_memory(top);
        }
}

static int wait_msec(const Top *top) {
        usec_t until = top->is_asking ? async_deadline(top->async) : top->next_usec;
        return (int) (MIN_OF(usec_sub(until, clock_now_usec()), 3600 * USEC_PER_SEC) /
                      USEC_PER_MSEC) +
               1;
}

static void wait_for_news(Top *top) {
        struct pollfd fds[] = {
                {.fd = top->screen.key_fd, .events = POLLIN},
                {.fd = top->screen.signal_fd, .events = POLLIN},
                {.fd = top->async ? async_fd(top->async) : -1, .events = POLLIN},
        };

        if (top->async && async_wants_write(top->async))
                fds[2].events |= POLLOUT;
        int n = poll(fds, ARRAY_SIZE(fds), wait_msec(top));
        if (n > 0 && fds[0].revents && screen_is_left(&top->screen))
                end_view(top, CLI_OK);
        if (n > 0 && fds[1].revents) {
                screen_hear(&top->screen);
                draw(top);
        }
        if (top->async && !top->is_over)
                step_connection(top);
}

static void view(Top *top) {
        while (!top->is_over) {
                if (!top->is_asking && clock_now_usec() >= top->next_usec) {
                        if (!top->async)
                                connect_again(top);
                        if (top->async)
                                ask(top);
                }
                if (!top->is_over)
                        wait_for_news(top);
        }
}

static int show_live(Top *top, Db *db) {
        if (async_new(db, &top->async)) {
                (void) db_close(db);
                return cli_say_memory();
        }
        int r = screen_begin(&top->screen);
        if (!r) {
                draw(top);
                view(top);
                screen_end(&top->screen);
        }
        top->async = async_free(top->async);
        picture_done(&top->picture);
        if (r) {
                cli_say("could not take the terminal: %s", strerror(-r));
                return CLI_FAILED;
        }
        return top->error.class ? cli_say_error(&top->error) : top->code;
}

static int show_once(Top *top, Db *db) {
        _cleanup_(db_reply_donep) DbReply reply = {0};
        Batch batch = {0};
        Picture picture;

        build_questions(top, &batch);
        int r = db_run_retry(db, &batch, &reply);
        (void) db_close(db);
        if (r)
                return cli_say_error(&reply.error);
        memcpy(picture.results, reply.results, sizeof(picture.results));
        if (top->cli->options->is_json)
                return output_value_json(picture_json(&picture));
        if (picture_prepare(&picture))
                return cli_say_memory();
        picture_print(&picture);
        return CLI_OK;
}

int verb_top(Cli *cli) {
        int64_t seconds = cli->options->interval ? cli->options->interval : INTERVAL_SEC;
        Top top = {.cli = cli,
                   .settings = {.conninfo = cli->config->conninfo,
                                .timezone = cli->config->timezone,
                                .application_name = "registry-job top",
                                .statement_usec = STATEMENT_USEC,
                                .deadline_usec = DEADLINE_USEC,
                                .connect_usec = CONNECT_USEC,
                                .lock_usec = STATEMENT_USEC / 2},
                   .interval_usec = (usec_t) seconds * USEC_PER_SEC};
        DbError error;
        Db *db;

        int code = co_read(cli, &top.co_id);
        if (code)
                return code;
        cli->db = db_close(cli->db); /* a name was looked up there */
        if (db_open(&top.settings, &db, &error))
                return cli_say_error(&error);
        if (cli->options->is_json || !isatty(STDOUT_FILENO))
                return show_once(&top, db);
        return show_live(&top, db);
}
