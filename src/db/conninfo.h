/* Checks and prints libpq's connection strings, without connecting. */
#pragma once

#include <stddef.h>

#define CONNINFO_E_INVALID 1

/*
 * Returns 0, -ENOMEM, or CONNINFO_E_INVALID with the reason in `why`: one line without any secret.
 * Some strings that libpq accepts are invalid here, because the daemon cannot work with them: a
 * replication connection, an encoding other than UTF8, a read-only server, and connecting without a
 * limit of time.
 */
int conninfo_check(const char *conninfo, char *why, size_t size);

/* 1 for a word that a connection string gives a value to, such as "host". */
int conninfo_has_keyword(const char *word);

/* 1 when the string gives this word a value. */
int conninfo_has_value(const char *conninfo, const char *word);

/* 1 when the string contains a secret. */
int conninfo_has_secret(const char *conninfo);

/*
 * The string as keyword=value pairs in one line, with "***" for each secret. A new string; NULL
 * without memory, or when libpq does not understand the string.
 */
char *conninfo_printable(const char *conninfo);
