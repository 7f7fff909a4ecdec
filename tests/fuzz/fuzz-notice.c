/* Payloads of notifications. */
#include <stdio.h>

#include "core/notice.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *payload = fuzz_string(data, size);
        Notice notice = notice_parse(payload);

        switch (notice.type) {
        case NOTICE_QUEUED:
        case NOTICE_CANCEL:
                FUZZ_CHECK(notice.id > 0);
                FUZZ_CHECK(strspn(payload, "abcdefghijklmnopqrstuvwxyz +0123456789") ==
                           strlen(payload));
                break;
        case NOTICE_DELAYED:
        case NOTICE_UNKNOWN:
                FUZZ_CHECK(notice.id == 0);
                break;
        default:
                abort();
        }
        free(payload);
        return 0;
}
