/* One table of words with an id; the word "delayed" stands alone. */
#include "core/notice.h"

#include <string.h>

#include "util/macro.h"
#include "util/parse.h"

Notice notice_parse(const char *payload) {
        static const struct {
                const char *word;
                NoticeType type;
        } with_id[] = {{"queued ", NOTICE_QUEUED}, {"cancel ", NOTICE_CANCEL}};
        int32_t id;

        if (!strcmp(payload, "delayed"))
                return (Notice){.type = NOTICE_DELAYED};
        for (size_t i = 0; i < ARRAY_SIZE(with_id); i++) {
                size_t n = strlen(with_id[i].word);
                if (!strncmp(payload, with_id[i].word, n) &&
                    !parse_int32(payload + n, 1, INT32_MAX, &id))
                        return (Notice){.type = with_id[i].type, .id = id};
        }
        return (Notice){.type = NOTICE_UNKNOWN};
}
