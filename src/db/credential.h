/*
 * The password of the database as a credential of the service: systemd puts it into a directory
 * that only the service can read ($CREDENTIALS_DIRECTORY), so that it stands in no configuration,
 * no environment and no command line.
 */
#pragma once

#include <stddef.h>

#define CREDENTIAL_PASSWORD "registry-jobd.password"
#define CREDENTIAL_SIZE 1024u

/* Where systemd looks for credentials that an administrator has stored; only root can read it. */
#define CREDENTIAL_STORE "/etc/credstore"

/*
 * Outside the service: whoever can read the store has what the service is given. Changes the
 * environment, so before there are threads.
 */
void credential_use_store(void);

#define CREDENTIAL_E_NONE 1    /* the service was given none */
#define CREDENTIAL_E_INVALID 2 /* `why` says what is wrong with it */

/*
 * Reads the one line of the credential, without its end. `password` is the caller's to wipe.
 * Returns 0 or CREDENTIAL_E_*.
 */
int credential_read(char password[CREDENTIAL_SIZE], char *why, size_t size);
