#include "core/fit.h"

#include <limits.h>

/* With no column that may be cut wider than `most`. */
static int total(const int widths[], const int may_cut[], size_t n, int most) {
        int sum = 0, columns = 0;

        for (size_t i = 0; i < n; i++) {
                if (widths[i] == FIT_HIDDEN)
                        continue;
                sum += may_cut[i] && widths[i] > most ? most : widths[i];
                columns++;
        }
        return sum + (columns ? (columns - 1) * FIT_GAP : 0);
}

/* The index of the column that can best be done without, or -1. */
static int sparest(const int widths[], const int spare[], size_t n) {
        int found = -1;

        for (size_t i = 0; i < n; i++)
                if (widths[i] != FIT_HIDDEN && spare[i] && (found < 0 || spare[i] <= spare[found]))
                        found = (int) i;
        return found;
}

void fit_leave_out(int widths[], const int may_cut[], const int spare[], size_t n, int room) {
        while (total(widths, may_cut, n, FIT_READABLE) > room) {
                int i = sparest(widths, spare, n);
                if (i < 0)
                        return;
                widths[i] = FIT_HIDDEN;
        }
}

/* The index of the widest column that may lose something, or -1. */
static int widest(const int widths[], const int may_cut[], size_t n) {
        int found = -1;

        for (size_t i = 0; i < n; i++)
                if (may_cut[i] && widths[i] > FIT_LEAST && (found < 0 || widths[i] > widths[found]))
                        found = (int) i;
        return found;
}

void fit_columns(int widths[], const int may_cut[], size_t n, int room) {
        int most = room > FIT_LEAST ? room : FIT_LEAST;

        for (size_t i = 0; i < n; i++)
                if (may_cut[i] && widths[i] > most)
                        widths[i] = most;
        while (total(widths, may_cut, n, INT_MAX) > room) {
                int i = widest(widths, may_cut, n);
                if (i < 0)
                        return;
                widths[i]--;
        }
}
