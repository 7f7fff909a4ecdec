/*
 * The program runs only for as long as it takes to tell; workers start their own. What it writes
 * into its standard output and error meanwhile is logged.
 */
#include "worker/told.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/json_text.h"
#include "plugin/listing.h"
#include "process/children.h"
#include "util/log.h"
#include "util/text.h"
#include "worker/host.h"

#define LEAVE_USEC (3 * USEC_PER_SEC) /* as registry-jobd.conf(5) says */

static json_t *list_told(const ExecModel *model) {
        const Ready *ready = residents_told(model);
        json_t *all = json_array();

        for (size_t i = 0; all && i < ready->n_models; i++) {
                CatalogEntry entry = {.model = {.params = ready->models[i].params,
                                                .summary = "of the Registry itself"},
                                      .source = "registry"};
                (void) text_copy_utf8(entry.name, sizeof(entry.name), 0, ready->models[i].name);
                json_t *one = listing_model(&entry);
                if (!one || json_object_set_new(one, "starts_first", json_true()) ||
                    json_array_append_new(all, one)) {
                        json_decref(all);
                        return NULL;
                }
        }
        return all;
}

/* Returns exit code 0, or 78 after logging why not. */
static int write_json(json_t *json, int fd) {
        _cleanup_(freep) char *text = json ? json_text(json, JSON_COMPACT) : NULL;
        size_t size = text ? strlen(text) : 0;

        json_decref(json);
        if (size && size <= LISTING_BYTES_MAX && write(fd, text, size) == (ssize_t) size)
                return WORKER_EXIT_OK;
        log_error("could not list the models: %s", size > LISTING_BYTES_MAX
                                                           ? "the list is too long"
                                                           : strerror(size ? errno : ENOMEM));
        return WORKER_EXIT_CONFIG;
}

int worker_list_told(const WorkerSettings *settings, int models_fd) {
        _cleanup_(residents_freep) Residents *residents = NULL;
        static const uint32_t nothing = 0;
        StatusPage *page;
        int page_fd;

        children_adopt();
        if (status_page_new(&page, &page_fd) ||
            residents_new(settings->exec, settings->n_exec, &residents)) {
                log_error_errno(-ENOMEM, "could not start the program");
                return WORKER_EXIT_CONFIG;
        }
        HostRun run = {.page = page};
        host_begin_alone(&run, "[registry]", &nothing);
        if (residents_start(settings->exec[0], &run.context))
                return write_json(json_pack("{ss}", "failed", run.summary), models_fd);
        int code = write_json(list_told(settings->exec[0]), models_fd);
        residents_close(residents, &run.context, LEAVE_USEC);
        return code;
}
