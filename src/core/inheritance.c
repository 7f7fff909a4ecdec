#include "core/inheritance.h"

/* Before the heir has reported. */
static HeirStep next_before_report(const Inheritance *i, usec_t now_usec) {
        int wants_records = i->has_records && !i->has_tried_records;

        if (wants_records && !i->settles_first)
                return HEIR_WRITE_RECORDS;
        if (!i->is_settled) {
                if (i->has_tried_to_settle && now_usec >= usec_add(i->began_usec, i->patience_usec))
                        return HEIR_RESIGN;
                return now_usec < i->not_before_usec ? HEIR_WAIT : HEIR_SETTLE;
        }
        if (i->has_note && !i->has_tried_note)
                return HEIR_WRITE_NOTE;
        return wants_records ? HEIR_WRITE_RECORDS : HEIR_REPORT;
}

HeirStep inheritance_next(const Inheritance *i, usec_t now_usec) {
        if (!i->has_reported)
                return next_before_report(i, now_usec);
        if (!i->has_records && !i->has_note)
                return HEIR_DONE;
        if (now_usec < i->not_before_usec)
                return HEIR_WAIT;
        if (i->is_late)
                return HEIR_GIVE_UP;
        return i->has_records ? HEIR_WRITE_RECORDS : HEIR_WRITE_NOTE;
}

usec_t inheritance_wake(const Inheritance *i) {
        if (i->has_reported && !i->has_records && !i->has_note)
                return USEC_INFINITY;
        return i->not_before_usec;
}

void inheritance_note_try(Inheritance *i, HeirStep step, int is_done, usec_t now_usec) {
        i->is_late |= !is_done && now_usec >= usec_add(i->died_usec, RECORDS_PATIENCE_USEC);
        switch (step) {
        case HEIR_WRITE_RECORDS:
                i->has_tried_records = 1;
                i->has_records = !is_done;
                break;
        case HEIR_SETTLE:
                i->has_tried_to_settle = 1;
                i->is_settled = is_done;
                break;
        case HEIR_WRITE_NOTE:
                i->has_tried_note = 1;
                i->has_note = !is_done;
                break;
        case HEIR_GIVE_UP:
                i->has_records = i->has_note = 0;
                break;
        case HEIR_REPORT: /* what is left was refused just now: the worker serves first */
                i->has_reported = 1;
                is_done = !i->has_records && !i->has_note;
                break;
        default:
                break;
        }
        /* A refusal of the records does not keep the job from being settled at once. */
        i->not_before_usec = is_done || (step == HEIR_WRITE_RECORDS && !i->is_settled)
                                     ? 0
                                     : usec_add(now_usec, HEIR_RETRY_USEC);
}
