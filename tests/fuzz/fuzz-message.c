/* A line of the protocols of external programs. */
#include "exec/message.h"
#include "fuzz.h"
#include "util/text.h"

static void check_text(const char *text) {
        FUZZ_CHECK(!text || text_is_utf8(text, strlen(text)));
}

static void check_message(const Message *message) {
        check_text(message->summary);
        check_text(message->start_summary);
        check_text(message->record.key);
        check_text(message->record.comment);
        if (message->has_record)
                FUZZ_CHECK(message->record.status >= RJ_RECORD_OK &&
                           message->record.status <= RJ_RECORD_CANCELED &&
                           message->record.person_id >= 0);
}

static void check_program(const char *line, size_t length) {
        Message message = {0};
        char why[200] = "";
        int r = message_parse(line, length, &message, why, sizeof(why));

        FUZZ_CHECK(r == 0 || r == MESSAGE_E_TEXT || r == MESSAGE_E_MALFORMED);
        FUZZ_CHECK((r == MESSAGE_E_MALFORMED) == (*why != 0));
        if (r)
                return;
        check_message(&message);
        FUZZ_CHECK(!message.job && !message.end.is_given);
        message_done(&message);
}

/* Where the line begins with a number, it is the number of the whole. */
static void check_resident(const char *line, size_t length) {
        Message message = {0};
        char why[200] = "";
        int r = message_parse_resident(line, length, &message, why, sizeof(why));
        int32_t first = message_first_job(line, length);

        FUZZ_CHECK(r == 0 || r == MESSAGE_E_MALFORMED);
        FUZZ_CHECK((r == MESSAGE_E_MALFORMED) == (*why != 0) && first >= 0);
        if (r)
                return;
        check_message(&message);
        FUZZ_CHECK(message.job > 0 && (!first || first == message.job));
        message_done(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        check_program((const char *) data, size);
        check_resident((const char *) data, size);
        return 0;
}
