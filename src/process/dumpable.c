#include "process/dumpable.h"

#include <sys/prctl.h>

void dumpable_set(int is_dumpable) {
        (void) prctl(PR_SET_DUMPABLE, is_dumpable ? 1 : 0, 0, 0, 0); /* cannot fail */
}
