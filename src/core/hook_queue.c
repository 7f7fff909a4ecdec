#include "core/hook_queue.h"

#include "util/macro.h"

#define FIRST_USEC USEC_PER_SEC
#define INTERVAL_USEC (60 * USEC_PER_SEC)

void hook_queue_drop(HookQueue *queue, uint64_t n, usec_t now_usec) {
        if (n && !queue->dropped)
                queue->say_usec = MAX_OF(queue->say_usec, usec_add(now_usec, FIRST_USEC));
        queue->dropped += n;
}

void hook_queue_add(HookQueue *queue, int32_t job_id, usec_t now_usec) {
        if (queue->n == HOOK_WAITING_MAX)
                hook_queue_drop(queue, 1, now_usec);
        else
                queue->ids[(queue->first + queue->n++) % HOOK_WAITING_MAX] = job_id;
}

unsigned hook_queue_take(HookQueue *queue, int32_t ids[HOOK_BATCH_MAX]) {
        unsigned n = 0;

        for (; n < HOOK_BATCH_MAX && queue->n; n++, queue->n--) {
                ids[n] = queue->ids[queue->first];
                queue->first = (queue->first + 1) % HOOK_WAITING_MAX;
        }
        return n;
}

void hook_queue_drop_all(HookQueue *queue, usec_t now_usec) {
        hook_queue_drop(queue, queue->n, now_usec);
        queue->n = 0;
}

uint64_t hook_queue_say(HookQueue *queue, int is_last, usec_t now_usec) {
        uint64_t dropped = queue->dropped;

        if (!dropped || (!is_last && now_usec < queue->say_usec))
                return 0;
        queue->dropped = 0;
        queue->say_usec = usec_add(now_usec, INTERVAL_USEC);
        return dropped;
}

usec_t hook_queue_wake(const HookQueue *queue) {
        return queue->dropped ? queue->say_usec : USEC_INFINITY;
}
