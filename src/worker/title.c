#include "worker/title.h"

#include <bsd/unistd.h>
#include <unistd.h>

#include "util/text.h"

#define MODEL_CHARS 80

/* Terminals obey control characters, and the two bytes of U+0080 to U+009F. */
static void disarm(char *text) {
        text_hide_controls(text);
        for (unsigned char *p = (unsigned char *) text; *p; p++)
                if (*p == 0xc2 && p[1] < 0xa0)
                        p[0] = p[1] = '?';
}

void title_init(int argc, char *argv[]) {
        setproctitle_init(argc, argv, environ);
}

void title_supervisor(void) {
        setproctitle("supervisor");
}

void title_worker_idle(void) {
        setproctitle("worker, idle");
}

void title_job(int32_t job_id, int32_t co_id, const char *model) {
        char name[MODEL_CHARS * 4 + 1];

        (void) text_copy_utf8(name, sizeof(name), MODEL_CHARS, model);
        disarm(name);
        setproctitle("job %d of CO %d, %s", job_id, co_id, name);
}
