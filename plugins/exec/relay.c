/* The host's log takes one NUL-terminated UTF-8 line of moderate length; a program writes bytes. */
#include "exec/relay.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "exec/message.h"
#include "util/text.h"

#define LOG_TEXT_SIZE 1024

static void write_log(Relay *relay, int level, const char *before, char *line, size_t length) {
        char text[LOG_TEXT_SIZE];

        for (char *p = line; (p = memchr(p, '\0', (size_t) (line + length - p))); p++)
                *p = '?';
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

int relay_output(Relay *relay, char *line, size_t length) {
        Message message = {0};
        char why[256], before[320] = "malformed message, ignoring (";

        if (!length)
                return 0;
        int r = message_parse(line, length, &message, why, sizeof(why));
        if (!r) {
                r = deliver(relay, &message);
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

int relay_errors(Relay *relay, char *line, size_t length) {
        if (length)
                write_log(relay, LOG_NOTICE, "", line, length);
        return 0;
}
