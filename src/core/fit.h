/* How wide the columns of a table are on a terminal. */
#pragma once

#include <stddef.h>

#define FIT_GAP 2   /* blanks between two columns */
#define FIT_LEAST 8 /* a column is not cut to less */

/*
 * Takes from the widest columns that may be cut until all fit into `room`; what is not to be cut
 * may be wider than that.
 */
void fit_columns(int widths[], const int may_cut[], size_t n, int room);
