/*
 * Descriptors of this program: those that a plugin has closed, or replaced by its own, those that
 * are missing, and those that a child must not keep.
 */
#pragma once

#include <sys/types.h>

/* What a descriptor refers to; its number alone may mean something else later. */
typedef struct DescriptorIdentity {
        int fd; /* -1: none */
        dev_t device;
        ino_t inode;
} DescriptorIdentity;

/* The identity of a descriptor that is open now, or of none for -1. */
DescriptorIdentity descriptor_identify(int fd);

/* 1 while the number still refers to what it referred to; 1 for the identity of none. */
int descriptor_is_same(const DescriptorIdentity *identity);

/*
 * Opens those of the descriptors 0, 1 and 2 that are missing. Otherwise the next connection would
 * get such a number, and a stray line of output would be sent to the database. Standard error is
 * taken from the parent process where that is possible; all else is /dev/null. Returns how many
 * were missing.
 */
int descriptors_mend_standard(void);

/*
 * As descriptors_mend_standard(), for the first statement of a program that was started without
 * them. Standard error is /dev/null: whoever started it wants to hear nothing. Standard output
 * refuses what is written, so that a result that nobody gets is an error.
 */
int descriptors_fill_standard(void);

/*
 * Closes all descriptors from `from` to `to`, both included; UINT_MAX is all that there can be.
 * Also where the kernel or a sandbox refuses close_range(2): a descriptor that stays open in a
 * child can keep a pipe from its end, or a connection to the database alive. Async-signal-safe.
 */
void descriptors_close(unsigned from, unsigned to);
