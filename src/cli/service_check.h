/* doctor's look at the database with the eyes of the service. */
#pragma once

#include "cli/checkup.h"

/*
 * Logs in as the user of the service, where that is somebody else than who asks: root asks, there
 * is such a user, and neither the configuration nor a credential says as whom the service logs in.
 * Adds what that user meets; sets has_service, and in service_remedy what lets a user in who is
 * refused.
 */
void check_service(Checkup *c, const Check *check);
