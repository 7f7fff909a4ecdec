#include "db/sqlstate.h"

#include <errno.h>
#include <string.h>

#include "util/macro.h"

/* A prefix of a SQLSTATE, the longest first. */
static const struct {
        const char *prefix;
        int class;
} states[] = {
        {"23505", DB_E_CONFLICT},    {"23503", DB_E_GONE},
        {"40001", DB_E_RETRY},       {"40P01", DB_E_RETRY},
        {"55P03", DB_E_RETRY},       {"57014", DB_E_RETRY},       /* lock or statement timeout */
        {"25006", DB_E_UNAVAILABLE}, {"3D000", DB_E_UNAVAILABLE}, /* read-only; no such database */
        {"3F000", DB_E_SCHEMA},      {"42P01", DB_E_SCHEMA},
        {"42883", DB_E_SCHEMA},      {"42703", DB_E_SCHEMA},
        {"42501", DB_E_SCHEMA},      {"08", DB_E_UNAVAILABLE},
        {"28", DB_E_UNAVAILABLE},    {"57P", DB_E_UNAVAILABLE},
        {"53", DB_E_FULL},           {"58", DB_E_UNAVAILABLE},
};

int sqlstate_classify(const char *sqlstate) {
        if (!sqlstate || !*sqlstate)
                return DB_E_UNAVAILABLE;
        for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                if (!strncmp(sqlstate, states[i].prefix, strlen(states[i].prefix)))
                        return states[i].class;
        return -EBADMSG;
}

const char *sqlstate_hint(int class) {
        switch (class) {
        case DB_E_SCHEMA:
                return "run 'registry-job schema check'; 'registry-job schema install' and "
                       "'schema roles' give what is missing";
        case DB_E_FULL:
                return "free disk space or raise max_connections on the database server";
        case DB_E_POOLER:
                return "connect to PostgreSQL itself, or let the pooler use pool_mode = session "
                       "for this database";
        default:
                return NULL;
        }
}
