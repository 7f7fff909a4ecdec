/*
 * Counts and their JSON. Workers run plugins, which can write over the counts in the status page:
 * work_believe() keeps impossible ones out. What is read from the database may come from another
 * version, or from anybody: whatever is no count is taken as missing.
 */
#include "core/counters.h"

#include <jansson.h>
#include <string.h>

#include "core/json_text.h"
#include "util/macro.h"

/* Far more jobs than a worker can end, and far too few to make a sum overflow. */
#define JOBS_PER_SEC 100000u
#define JOBS_SLACK 1000u

#define NUMBER_END ((int64_t) 1 << 53)

static const char *const names[_COUNT_MAX] = {
#define X(id, name) [COUNT_##id] = name,
        COUNTS(X)
#undef X
};

/* Counts of workers, without their histograms. */
static const struct {
        const char *name;
        WorkCount count;
} work_names[] = {
        {"complete", WORK_COMPLETE}, {"failed", WORK_FAILED}, {"canceled", WORK_CANCELED}};

unsigned work_add_run(uint64_t work[_WORK_MAX], usec_t usec) {
        unsigned bucket = WORK_RUN + histogram_bucket(usec);
        work[bucket]++;
        work[WORK_RUN_USEC] += usec;
        return bucket;
}

unsigned work_add_wait(uint64_t work[_WORK_MAX], uint64_t seconds) {
        seconds = MIN_OF(seconds, (uint64_t) WORK_WAIT_MAX_SEC);
        unsigned bucket = WORK_WAIT + histogram_bucket(seconds * USEC_PER_SEC);
        work[bucket]++;
        work[WORK_WAIT_SEC] += seconds;
        return bucket;
}

static uint64_t sum_of(const uint64_t *counts) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
                sum += counts[i];
        return sum;
}

int work_believe(uint64_t known[_WORK_MAX], const uint64_t fresh[_WORK_MAX], usec_t age_usec,
                 usec_t since_usec) {
        uint64_t jobs_max = JOBS_SLACK + JOBS_PER_SEC * (since_usec / USEC_PER_SEC + 1);

        for (unsigned i = 0; i < _WORK_MAX; i++)
                if (fresh[i] < known[i])
                        return 0;
        for (unsigned i = WORK_COMPLETE; i < _WORK_MAX; i++)
                if (fresh[i] - known[i] > jobs_max)
                        return 0;
        /*
         * The totals are compared, not their growth: a known sum may have been read before a wait
         * was added to it, while the wait was in its bucket already.
         */
        if (fresh[WORK_RUN_USEC] > age_usec ||
            fresh[WORK_WAIT_SEC] / WORK_WAIT_MAX_SEC > sum_of(fresh + WORK_WAIT))
                return 0;
        memcpy(known, fresh, _WORK_MAX * sizeof(*known));
        return 1;
}

void work_add(uint64_t work[_WORK_MAX], const uint64_t more[_WORK_MAX]) {
        for (unsigned i = 0; i < _WORK_MAX; i++)
                work[i] += more[i];
}

static void add_count(json_t *object, const char *name, uint64_t value) {
        (void) json_object_set_new(object, name, json_integer((json_int_t) value));
}

static json_t *buckets_to_json(const uint64_t *counts) {
        json_t *array = json_array();
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
                (void) json_array_append_new(array, json_integer((json_int_t) counts[i]));
        return array;
}

/* In milliseconds, which are whole numbers. */
static json_t *bounds_to_json(void) {
        json_t *array = json_array();
        for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++)
                (void) json_array_append_new(
                        array, json_integer((json_int_t) (histogram_bound(i) / USEC_PER_MSEC)));
        return array;
}

char *counters_to_json(const Counters *c) {
        json_t *object = json_object();

        for (size_t i = 0; i < ARRAY_SIZE(work_names); i++)
                add_count(object, work_names[i].name, c->work[work_names[i].count]);
        for (unsigned i = 0; i < _COUNT_MAX; i++)
                add_count(object, names[i], c->own[i]);
        add_count(object, "run_usec", c->work[WORK_RUN_USEC]);
        add_count(object, "wait_sec", c->work[WORK_WAIT_SEC]);
        (void) json_object_set_new(object, "run", buckets_to_json(c->work + WORK_RUN));
        (void) json_object_set_new(object, "wait", buckets_to_json(c->work + WORK_WAIT));
        (void) json_object_set_new(object, "bounds_msec", bounds_to_json());
        char *text = json_text(object, JSON_COMPACT);
        json_decref(object);
        return text;
}

/* A count below 2^53, which a double holds exactly; -1 for anything else. */
static int64_t number_of(const json_t *value) {
        int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;
        return number >= 0 && number < NUMBER_END ? number : -1;
}

static int has_our_bounds(const json_t *object) {
        json_t *ours = bounds_to_json();
        int is_same = ours && json_equal(ours, json_object_get(object, "bounds_msec"));
        json_decref(ours);
        return is_same;
}

/* Returns 1 when all buckets are there, and 0 otherwise. */
static int buckets_from_json(const json_t *array, int64_t *counts) {
        if (json_array_size(array) != HISTOGRAM_BUCKETS)
                return 0;
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
                counts[i] = number_of(json_array_get(array, i));
                if (counts[i] < 0)
                        return 0;
        }
        return 1;
}

int counters_from_json(const char *text, CountersRead *ret) {
        json_t *object = text ? json_loads(text, 0, NULL) : NULL;

        if (!json_is_object(object)) {
                json_decref(object);
                return 0;
        }
        *ret = (CountersRead){0};
        for (size_t i = 0; i < ARRAY_SIZE(work_names); i++)
                ret->work[work_names[i].count] =
                        number_of(json_object_get(object, work_names[i].name));
        for (unsigned i = 0; i < _COUNT_MAX; i++)
                ret->own[i] = number_of(json_object_get(object, names[i]));
        ret->work[WORK_RUN_USEC] = number_of(json_object_get(object, "run_usec"));
        ret->work[WORK_WAIT_SEC] = number_of(json_object_get(object, "wait_sec"));
        ret->has_histograms =
                has_our_bounds(object) && ret->work[WORK_RUN_USEC] >= 0 &&
                ret->work[WORK_WAIT_SEC] >= 0 &&
                buckets_from_json(json_object_get(object, "run"), ret->work + WORK_RUN) &&
                buckets_from_json(json_object_get(object, "wait"), ret->work + WORK_WAIT);
        json_decref(object);
        return 1;
}
