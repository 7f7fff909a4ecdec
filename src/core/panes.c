/* A table takes a line of titles, its rows, and a line for the rest of them; or one line in all. */
#include "core/panes.h"

#include "util/macro.h"

#define GAP 1

static int need_of(int rows, int room) {
        return MIN_OF(rows, room) + 1; /* a sum of any two numbers of rows might overflow */
}

static Pane pane_of(int lines, int rows) {
        int shown = rows < lines ? rows : lines < 3 ? 0 : lines - 2;
        return (Pane){.rows = shown, .more = rows - shown};
}

void panes_divide(int lines, int upper, int lower, Pane *ret_upper, Pane *ret_lower) {
        int room = MAX_OF(lines, PANES_LEAST) - GAP;
        int left = room - need_of(upper, room); /* when the upper one gets all it needs */
        int for_lower = MIN_OF(need_of(lower, room), MAX_OF(left, MAX_OF(room / 3, 1)));

        *ret_upper = pane_of(room - for_lower, upper);
        *ret_lower = pane_of(for_lower, lower);
}
