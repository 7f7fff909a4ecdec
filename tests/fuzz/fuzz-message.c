/* A line of the protocol of external programs. */
#include "exec/message.h"
#include "fuzz.h"
#include "util/text.h"

static void check_text(const char *text) {
        FUZZ_CHECK(!text || text_is_utf8(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Message message = {0};
        char why[200] = "";
        int r = message_parse((const char *) data, size, &message, why, sizeof(why));

        FUZZ_CHECK(r == 0 || r == MESSAGE_E_TEXT || r == MESSAGE_E_MALFORMED);
        FUZZ_CHECK((r == MESSAGE_E_MALFORMED) == (*why != 0));
        if (!r) {
                check_text(message.summary);
                check_text(message.start_summary);
                check_text(message.record.key);
                check_text(message.record.comment);
                if (message.has_record)
                        FUZZ_CHECK(message.record.status >= RJ_RECORD_OK &&
                                   message.record.status <= RJ_RECORD_NOTICE &&
                                   message.record.person_id >= 0);
                message_done(&message);
        }
        return 0;
}
