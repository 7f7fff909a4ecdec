/* Whether a shared object is there as a whole. */
#pragma once

#include <stddef.h>

#define ELF_FILE_E_DAMAGED 1

/*
 * The dynamic loader maps what the headers promise, and whoever reads behind the end of the file is
 * killed by SIGBUS. Returns 0, or ELF_FILE_E_DAMAGED with the reason in `why`: the file cannot be
 * read, is no ELF file of this kind of machine, or ends too early. What else may be wrong with it,
 * the dynamic loader says.
 */
int elf_file_check(const char *path, char *why, size_t size);
