/* Descriptors that a plugin may have closed, or replaced by its own. */
#pragma once

#include <sys/types.h>

/* What a descriptor refers to, so that it is noticed when its number means something else. */
typedef struct DescriptorIdentity {
        int fd; /* -1: none */
        dev_t device;
        ino_t inode;
} DescriptorIdentity;

DescriptorIdentity descriptor_identify(int fd);

/* 1 while the number still refers to the same; 1 for none. */
int descriptor_is_same(const DescriptorIdentity *identity);

/*
 * Opens what is missing of 0, 1 and 2, or the next connection would get such a number, and a stray
 * line of output be sent to the database. Standard error is the parent's again where that can be
 * had, all else is /dev/null. Returns how many were missing.
 */
int descriptors_mend_standard(void);
