/* How the lines of a screen are divided between two tables, one above the other. */
#pragma once

/* A table without rows is one line, which says how many there are in all. */
typedef struct Pane {
        int rows; /* that are shown, below a line of titles */
        int more; /* rows without room; a line below the others says how many */
} Pane;

#define PANES_LEAST 3 /* lines that two tables need: one each, and one between them */

/*
 * Divides `lines` between tables of `upper` and `lower` rows. What one table does not need, the
 * other one gets; when both need more, the lower one gets a third.
 */
void panes_divide(int lines, int upper, int lower, Pane *ret_upper, Pane *ret_lower);
