/* Types of columns, as PQftype() gives them: their numbers in PostgreSQL's pg_type.dat. */
#pragma once

#define BOOL_OID 16
#define INT8_OID 20
#define INT4_OID 23
#define TIMESTAMP_OID 1114 /* what we read is UTC: jobd.utc() */
#define JSONB_OID 3802
