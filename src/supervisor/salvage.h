/*
 * The history records that a dead worker had been handed and had not written itself: from the ring
 * of its status page into the table.
 */
#pragma once

#include "ipc/status_page.h"
#include "supervisor/link.h"
#include "supervisor/tally.h"

typedef enum SalvageEnd {
        SALVAGE_DONE,    /* nothing is left in the ring */
        SALVAGE_AWAY,    /* the connection was lost: what is left is in the ring still */
        SALVAGE_REFUSED, /* the same, because of a lock, a missing right or a full disk */
} SalvageEnd;

typedef void (*SalvageDone)(void *userdata, int64_t number, SalvageEnd end);

/*
 * Writes them, a batch at a time; `done` is called once, perhaps before this returns. A record that
 * the server takes for nonsense is left out, said in the log and counted.
 */
void salvage(Link *link, StatusPage *page, Tally *tally, SalvageDone done, void *userdata,
             int64_t number);

/* 1 when there is something in the ring. */
int salvage_is_needed(const StatusPage *page);
