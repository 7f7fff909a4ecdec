/* The host's log takes one NUL-terminated UTF-8 line of moderate length; a program writes bytes. */
#include "exec/relay.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "util/text.h"

#define LOG_TEXT_SIZE 1024
#define SHOWN_MAX 10 /* lines of no job: enough to see what goes wrong */

static void hide_nul(char *line, size_t length) {
        for (char *p = line; (p = memchr(p, '\0', (size_t) (line + length - p))); p++)
                *p = '?';
}

static void write_log(Relay *relay, int level, const char *before, char *line, size_t length) {
        char text[LOG_TEXT_SIZE];

        if (relay->logged == relay->limits.logged_lines) {
                relay->dropped++;
                return;
        }
        relay->logged++;
        hide_nul(line, length);
        size_t used = text_copy_utf8(text, sizeof(text), 0, before);
        (void) text_copy_utf8(text + used, sizeof(text) - used, 0, line);
        relay->context->host->log(relay->context, level, text);
}

/* In this order: what an object says it is about comes before what came of it. */
static int deliver(Relay *relay, const Message *message) {
        struct rj_context *context = relay->context;
        const struct rj_host *host = context->host;
        int r = 0;

        if (message->start_summary)
                r = host->start_summary(context, message->start_summary);
        if (r >= 0 && message->has_record)
                r = host->record(context, &message->record);
        if (r >= 0 && message->has_progress)
                r = host->progress(context, message->done, message->total);
        if (message->summary)
                (void) text_copy_utf8(relay->summary, sizeof(relay->summary), VERDICT_SUMMARY_CHARS,
                                      message->summary);
        return r < 0 ? r : 0;
}

/* A message counts against the limit, whatever is in it. */
static int count_and_deliver(Relay *relay, const Message *message) {
        return relay->messages++ < relay->limits.messages ? deliver(relay, message) : RELAY_E_MANY;
}

int relay_output(void *to, char *line, size_t length, int is_cut) {
        Relay *relay = to;
        Message message = {0};
        char why[256], before[320] = "malformed message, ignoring (";

        if (!length)
                return 0;
        if (is_cut && message_is_meant(line, length))
                return RELAY_E_LONG;
        int r = message_parse(line, length, &message, why, sizeof(why));
        if (!r) {
                r = count_and_deliver(relay, &message);
                message_done(&message);
                return r;
        }
        if (r == -ENOMEM)
                return RJ_E_FATAL;
        if (r == MESSAGE_E_MALFORMED) {
                (void) text_append(before, sizeof(before), "%s): ", why);
                write_log(relay, LOG_WARNING, before, line, length);
        } else {
                write_log(relay, LOG_INFO, "", line, length);
        }
        return 0;
}

/* A line that is no message, for the reason in relay->why. */
static int refuse_line(Relay *relay, char *line, size_t length, int code) {
        int32_t job = message_first_job(line, length);
        char before[256];

        if (relay->job && job == relay->job)
                return code;
        relay->foreign++;
        if (job || relay->shown++ >= SHOWN_MAX)
                return 0;
        (void) snprintf(before, sizeof(before), "a line of no job, dropping it (%s): ", relay->why);
        write_log(relay, LOG_WARNING, before, line, length);
        return 0;
}

int relay_resident(void *to, char *line, size_t length, int is_cut) {
        Relay *relay = to;
        Message message = {0};

        if (!length)
                return 0;
        if (is_cut || length > relay->limits.line_bytes) {
                (void) snprintf(relay->why, sizeof(relay->why), "more than %zu bytes",
                                relay->limits.line_bytes);
                return refuse_line(relay, line, length, RELAY_E_LONG);
        }
        int r = message_parse_resident(line, length, &message, relay->why, sizeof(relay->why));
        if (r)
                return r < 0 ? RJ_E_FATAL : refuse_line(relay, line, length, RELAY_E_MALFORMED);
        if (message.job == relay->job) {
                r = count_and_deliver(relay, &message);
                relay->end = message.end;
                if (!r && message.end.is_given)
                        r = RELAY_E_END;
        } else {
                relay->foreign++;
        }
        message_done(&message);
        return r;
}

int relay_errors(void *to, char *line, size_t length, int is_cut) {
        Relay *relay = to;
        (void) is_cut; /* of a long text the log has the beginning anyway */

        if (!length)
                return 0;
        write_log(relay, LOG_NOTICE, "", line, length);
        hide_nul(line, length);
        text_make_line(line);
        last_lines_add(&relay->errors, line);
        return 0;
}

static int record_errors(Relay *relay) {
        char comment[4 * VERDICT_SUMMARY_CHARS + 1];
        const struct rj_record record = {.struct_size = sizeof(record),
                                         .status = RJ_RECORD_NOTICE,
                                         .key = RELAY_ERRORS_KEY,
                                         .comment = comment};

        last_lines_join(&relay->errors, VERDICT_SUMMARY_CHARS, comment, sizeof(comment));
        return *comment ? relay->context->host->record(relay->context, &record) : 0;
}

int relay_judge(Relay *relay, EndFacts *facts, char summary[VERDICT_SUMMARY_SIZE]) {
        facts->last_line = last_lines_end(&relay->errors);
        int code = verdict_reach(facts, summary);
        int r = code == RJ_FAILED ? record_errors(relay) : 0;
        return r < 0 ? r : code;
}

static _printf_(3, 4) void say_count(Relay *relay, size_t n, const char *format, ...) {
        char text[128];
        va_list ap;

        if (!n)
                return;
        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        relay->context->host->log(relay->context, LOG_NOTICE, text);
}

void relay_finish(Relay *relay) {
        say_count(relay, relay->dropped,
                  "the program wrote %zu more line%s, which the log does not have", relay->dropped,
                  relay->dropped == 1 ? "" : "s");
        say_count(relay, relay->foreign, "%zu line%s of other jobs, or of none, dropped",
                  relay->foreign, relay->foreign == 1 ? "" : "s");
}
