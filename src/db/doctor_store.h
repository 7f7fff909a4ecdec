/* What registry-job doctor asks. Texts that are read belong to the result. */
#pragma once

#include "core/doctor.h"
#include "db/db.h"

void doctor_server_read(const PGresult *result, DoctorServer *ret);
void doctor_trigger_read(const PGresult *result, int row, const char **ret_name, int *ret_is_there);
void doctor_right_read(const PGresult *result, int row, const char **ret_right, int *ret_is_extra);

typedef struct DoctorQueue {
        int64_t missing, superfluous, late;
} DoctorQueue;
void doctor_queue_read(const PGresult *result, DoctorQueue *ret);

/* Without what this host knows; `ret_all` gets how many there are, beyond the rows of the result.
 */
void doctor_holder_read(const PGresult *result, int row, DoctorHolder *ret, int64_t *ret_all);

void doctor_lane_read(const PGresult *result, int row, DoctorLane *ret);

typedef struct DoctorTransactions {
        int64_t hidden, age_s;
        const char *what; /* NULL: none */
} DoctorTransactions;
void doctor_transactions_read(const PGresult *result, DoctorTransactions *ret);
