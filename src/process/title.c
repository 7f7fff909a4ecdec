/* The title comes from libbsd; this module decides what it says, and makes it harmless. */
#include "process/title.h"

#include <bsd/unistd.h>
#include <unistd.h>

#include "util/text.h"

#define MODEL_CHARS 80
#define MODEL_SIZE (4 * MODEL_CHARS + 1)

void title_init(int argc, char *argv[]) {
        setproctitle_init(argc, argv, environ);
}

void title_supervisor(void) {
        setproctitle("supervisor");
}

void title_worker_idle(void) {
        setproctitle("worker, idle");
}

void title_heir(int32_t pid) {
        setproctitle("worker, settles what worker %d left", pid);
}

void title_settler(void) {
        setproctitle("settles what dead supervisors left");
}

void title_hook(void) {
        setproctitle("tells the hook of failed jobs");
}

static void copy_model(char name[MODEL_SIZE], const char *model) {
        (void) text_copy_utf8(name, MODEL_SIZE, MODEL_CHARS, model);
        text_hide_controls(name);
}

void title_registering(int32_t co_id, const char *model) {
        char name[MODEL_SIZE];

        copy_model(name, model);
        setproctitle("job of CO %d, %s", co_id, name);
}

void title_job(int32_t job_id, int32_t co_id, const char *model) {
        char name[MODEL_SIZE];

        copy_model(name, model);
        setproctitle("job %d of CO %d, %s", job_id, co_id, name);
}
