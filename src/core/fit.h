/* How wide the columns of a table are on a terminal. */
#pragma once

#include <stddef.h>

#define FIT_GAP 2       /* blanks between two columns */
#define FIT_LEAST 8     /* a column is not cut to less */
#define FIT_READABLE 14 /* cut to less a text says little: other columns are left out first */
#define FIT_HIDDEN (-1) /* the width of a column that is left out */

/*
 * Leaves columns out until those that stay are readable in `room`: first those with the lowest
 * `spare`, of two alike the right one; never those with 0.
 */
void fit_leave_out(int widths[], const int may_cut[], const int spare[], size_t n, int room);

/*
 * Takes from the widest columns that may be cut until all fit into `room`; what is not to be cut
 * may be wider than that.
 */
void fit_columns(int widths[], const int may_cut[], size_t n, int room);
