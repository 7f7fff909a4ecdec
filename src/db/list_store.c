/*
 * job_list.sql walks the table by its primary key: for most filters there is no index, and none of
 * ours may be added. So a page is bounded by what it looks at, and the walk goes on from page to
 * page; between two pages nothing is held, neither memory nor a snapshot.
 */
#include "db/list_store.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "core/json_text.h"
#include "util/error.h"

#define ABOVE_ALL_IDS ((int64_t) INT32_MAX + 1)
#define LOOKS_AT 10000       /* jobs: some 20 ms */
#define LOOKS_INTO 1000      /* jobs whose texts are read */
#define ARCHIVE_SHARE 2      /* without a filter most rows are jobs, or one of a few copies */
enum { COLUMNS_BEHIND = 2 }; /* looked, lowest */

static int is_selective(const JobFilter *f) {
        return f->co_id || f->person_id || f->states || f->model || f->since != WHEN_NEVER ||
               f->until != WHEN_NEVER || f->is_unrepeated;
}

static int64_t looks_at(const JobFilter *f, int max) {
        if (f->text)
                return LOOKS_INTO;
        return is_selective(f) ? LOOKS_AT : MIN_OF((int64_t) max * ARCHIVE_SHARE, LOOKS_AT);
}

static void add_id(Batch *batch, int64_t id) {
        if (id)
                batch_int(batch, id);
        else
                batch_null(batch);
}

static void add_time(Batch *batch, int64_t at) {
        if (at == WHEN_NEVER)
                batch_null(batch);
        else
                batch_int(batch, at);
}

static void add_states(Batch *batch, unsigned states) {
        char array[JOB_STATES_SIZE];

        job_states_array(states, array);
        batch_text(batch, states ? array : NULL);
}

/* The text as it stands in stored parameters, which PHP writes with \/ and \uXXXX. */
static void add_json_text(Batch *batch, const char *text) {
        json_t *string = text ? json_string(text) : NULL;
        _cleanup_(freep) char *json =
                string ? json_text(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH)
                       : NULL;

        json_decref(string);
        if (text && !json && !batch->error)
                batch->error = error_origin(-ENOMEM);
        if (json)
                json[strlen(json) - 1] = '\0';
        batch_text(batch, json ? json + 1 : NULL);
}

void job_list_add(Batch *batch, const JobFilter *f, int max) {
        batch_add(batch, SQL_JOB_LIST);
        batch_int(batch, f->before ? f->before : ABOVE_ALL_IDS);
        batch_int(batch, looks_at(f, max));
        batch_int(batch, max);
        add_id(batch, f->co_id);
        add_states(batch, f->states);
        batch_text(batch, f->model);
        add_time(batch, f->since);
        add_time(batch, f->until);
        batch_text(batch, f->text);
        add_json_text(batch, f->text);
        add_id(batch, f->person_id);
        batch_bool(batch, f->is_unrepeated);
}

void job_list_read(const PGresult *result, const JobFilter *f, int max, JobPage *ret) {
        int columns = PQnfields(result) - COLUMNS_BEHIND, rows = PQntuples(result);
        int64_t looked = rows ? db_int(result, 0, columns) : 0;

        *ret = (JobPage){.rows = rows && db_text(result, 0, 0) ? rows : 0, .columns = columns};
        if (ret->rows == max)
                ret->before = db_int(result, rows - 1, 0);
        else if (looked == looks_at(f, max))
                ret->before = db_int(result, 0, columns + 1);
}
