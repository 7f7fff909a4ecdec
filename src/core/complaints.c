#include "core/complaints.h"

#include <string.h>

#include "util/macro.h"

/* The row of that plugin, or the one to use for it. */
static ComplaintsRow *find_row(Complaints *complaints, const char *plugin, size_t length) {
        ComplaintsRow *oldest = &complaints->rows[0];

        for (unsigned i = 0; i < COMPLAINTS_PLUGINS; i++) {
                ComplaintsRow *row = &complaints->rows[i];
                if (strlen(row->plugin) == length && !memcmp(row->plugin, plugin, length))
                        return row;
                if (!*row->plugin)
                        return row; /* rows are filled in order */
                if (row->said_usec < oldest->said_usec)
                        oldest = row;
        }
        return oldest;
}

int complaints_may_say(Complaints *complaints, const char *model, usec_t now_usec,
                       uint64_t *ret_unsaid) {
        size_t length = MIN_OF(strcspn(model, "."), (size_t) COMPLAINTS_NAME_SIZE - 1);
        ComplaintsRow *row = find_row(complaints, model, length);

        if (!*row->plugin || strlen(row->plugin) != length || memcmp(row->plugin, model, length)) {
                *row = (ComplaintsRow){0};
                memcpy(row->plugin, model, length);
        } else if (usec_sub(now_usec, row->said_usec) < COMPLAINTS_INTERVAL_USEC) {
                row->unsaid++;
                return 0;
        }
        row->said_usec = now_usec;
        *ret_unsaid = row->unsaid;
        row->unsaid = 0;
        return 1;
}
