/*
 * A worker counts in its page, where a plugin can write: a number that cannot be true makes its
 * page doubtful for the rest of its life, and what was believed before stays.
 */
#include "supervisor/tally.h"

void tally_born(Tally *tally, unsigned slot, usec_t now_usec) {
        tally->workers[slot] = (TallyWorker){.born_usec = now_usec, .read_usec = now_usec};
        tally_count(tally, COUNT_WORKERS_STARTED);
}

void tally_read(Tally *tally, unsigned slot, const StatusPage *page, usec_t now_usec) {
        TallyWorker *worker = &tally->workers[slot];
        uint64_t fresh[_WORK_MAX];

        if (!worker->born_usec || worker->is_doubted)
                return;
        status_page_counts(page, fresh, _WORK_MAX);
        if (work_believe(worker->known, fresh, usec_sub(now_usec, worker->born_usec),
                         usec_sub(now_usec, worker->read_usec)))
                worker->read_usec = now_usec;
        else
                worker->is_doubted = 1;
}

void tally_gone(Tally *tally, unsigned slot, const StatusPage *page, const JobUsage *usage,
                usec_t now_usec) {
        TallyWorker *worker = &tally->workers[slot];

        tally_read(tally, slot, page, now_usec);
        if (!worker->is_doubted && usage->wall_usec &&
            usage->wall_usec <= usec_sub(now_usec, worker->born_usec))
                (void) work_add_run(worker->known, usage->wall_usec);
        work_add(tally->total.work, worker->known);
        *worker = (TallyWorker){0};
}

char *tally_to_json(const Tally *tally) {
        Counters all = tally->total;

        for (unsigned slot = 0; slot < PLAN_SLOTS_MAX; slot++)
                if (tally->workers[slot].born_usec)
                        work_add(all.work, tally->workers[slot].known);
        return counters_to_json(&all);
}
