/*
 * The password of the database as a credential of the service. systemd writes the password to a
 * directory that only the service can read ($CREDENTIALS_DIRECTORY): no configuration, environment
 * or command line contains it.
 */
#pragma once

#include <stddef.h>

#define CREDENTIAL_PASSWORD "registry-jobd.password"
#define CREDENTIAL_SIZE 1024u

/* The directory in which an administrator stores credentials for systemd; only root can read it. */
#define CREDENTIAL_STORE "/etc/credstore"

/*
 * For programs outside the service: lets credential_read() use the store, when this user can read
 * it. Changes the environment, so it must be called before there are threads.
 */
void credential_use_store(void);

#define CREDENTIAL_E_NONE 1    /* there is no credential */
#define CREDENTIAL_E_INVALID 2 /* `why` says what is wrong with it */

/*
 * Reads the password: the one line of the credential, without its end. The caller wipes `password`.
 * Returns 0 or CREDENTIAL_E_*.
 */
int credential_read(char password[CREDENTIAL_SIZE], char *why, size_t size);
