/* libpq's connection strings, looked at without connecting. */
#pragma once

#include <stddef.h>

#define CONNINFO_E_INVALID 1

/*
 * Returns 0, -ENOMEM, or CONNINFO_E_INVALID with the reason in `why`: one line, without anything
 * that may be a secret. Invalid is also what libpq would take and the daemon cannot live with: a
 * replication connection, another encoding than UTF8, a server that is to be read only, connecting
 * without a limit of time.
 */
int conninfo_check(const char *conninfo, char *why, size_t size);

/* 1 when a secret stands in it. */
int conninfo_has_secret(const char *conninfo);

/*
 * The same as keyword=value pairs in one line, whatever form it has, with "***" for each secret. A
 * new string; NULL without memory, or when libpq does not understand it.
 */
char *conninfo_printable(const char *conninfo);
