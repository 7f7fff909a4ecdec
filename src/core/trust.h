/*
 * Whether a file may decide what this process does: one that it executes, loads, or is configured
 * by. As sudo and sshd have it: nobody but root and the user who runs the process may be able to
 * change the file, or to put another one in its place, which whoever can write to a directory above
 * it could do.
 *
 * A group that has nobody in it but the owner counts as the owner: with the umask 002 that goes
 * with such groups, all files of an ordinary user can be written by his group.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef enum TrustKind {
        TRUST_FILE,
        TRUST_SECRET, /* a file that not everybody may read, either */
        TRUST_DIRECTORY,
        TRUST_LINK, /* symbolic: its mode says nothing, and whoever may replace it is the owner */
        _TRUST_KIND_MAX,
} TrustKind;

typedef struct TrustFacts {
        TrustKind kind;
        uint32_t owner, group;
        uint32_t mode;        /* permissions and the sticky bit, as stat(2) has them */
        int is_group_private; /* nobody but the owner is in the group */
} TrustFacts;

typedef enum TrustFault {
        TRUST_FAULT_NONE,
        TRUST_FAULT_OWNER,
        TRUST_FAULT_WRITERS,
        TRUST_FAULT_READERS,
} TrustFault;

/* Judges one file, or one directory above it, for the process of this user. */
TrustFault trust_judge(const TrustFacts *facts, uint32_t user);

/* Writes what is wrong with `path`, and the command that mends it, as one line. */
void trust_explain(TrustFault fault, const TrustFacts *facts, const char *path, uint32_t user,
                   char *why, size_t size);
