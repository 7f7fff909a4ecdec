/*
 * Finding a file that nobody else can change or replace: see core/trust.h. Every directory and
 * every symbolic link on the way is judged as it is opened, so that what is found is what was
 * judged. Whoever opens the path once more finds the same: only root and the user himself could
 * have put something else there.
 */
#pragma once

#include <stddef.h>

#include "core/trust.h"

#define TRUSTED_E_REFUSED 1 /* others can change it; `why` says what, and where */

/*
 * Opens what the path leads to, as O_PATH does. `kind` is TRUST_FILE or TRUST_SECRET; a directory
 * is judged as such, a device that root made may be anybody's to use. Returns 0, TRUSTED_E_REFUSED
 * or -errno; *ret_fd is the caller's.
 */
int trusted_find(const char *path, TrustKind kind, int *ret_fd, char *why, size_t size);

/*
 * Finds a file and reads its first `size` bytes; never waits for a writer. Returns as
 * trusted_find(), with the number of bytes that were read.
 */
int trusted_read(const char *path, TrustKind kind, char *text, size_t size, size_t *ret_length,
                 char *why, size_t why_size);
