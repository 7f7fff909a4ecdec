/* One table of prefixes, in which the first that fits counts. */
#include "db/sqlstate.h"

#include <errno.h>
#include <string.h>

#include "util/macro.h"

/* Prefixes of SQLSTATEs; a longer one stands before a shorter one. */
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

const char *const sqlstate_refused_hint =
        "the server's words say what it is: no connection is free, the database or the role of "
        "[database] conninfo is not there or may not log in (pg_hba.conf), or its password is "
        "wrong. A service has it "
        "from /etc/credstore/registry-jobd.password, and reads "
        "that when it is restarted; everybody else from ~/.pgpass";

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
        case DB_E_SUPERUSER:
                return "connect as a role of its own, which 'registry-job schema roles' gives what "
                       "it needs: whoever owns the Registry's tables could run code as a superuser";
        case DB_E_ENCODING:
                return "dump the database, create it again with ENCODING 'UTF8', and restore the "
                       "dump";
        case DB_E_COPY:
                return "if this database is to run its jobs, and the one that it was copied from "
                       "is a different one: registry-job schema adopt";
        case DB_E_TIMEZONE:
                return "as the owner of public.jobs: registry-job schema install, which takes the "
                       "zone of the configuration; then restart the daemons";
        default:
                return NULL;
        }
}
