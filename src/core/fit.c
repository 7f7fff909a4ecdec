#include "core/fit.h"

static int total(const int widths[], size_t n) {
        int sum = n ? (int) (n - 1) * FIT_GAP : 0;

        for (size_t i = 0; i < n; i++)
                sum += widths[i];
        return sum;
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
        int over, most = room > FIT_LEAST ? room : FIT_LEAST;

        for (size_t i = 0; i < n; i++)
                if (may_cut[i] && widths[i] > most)
                        widths[i] = most;
        while ((over = total(widths, n) - room) > 0) {
                int i = widest(widths, may_cut, n);
                if (i < 0)
                        return;
                widths[i]--;
        }
}
