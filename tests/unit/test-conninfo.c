/* Connection strings: what is refused, and that no secret is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/conninfo.h"

static void test_good(void **state) {
        static const char *const rows[] = {
                "",
                "host=/run/postgresql dbname=registry user='x y'",
                "host = a,b port = 5432,5433 target_session_attrs=any",
                "service=registry",
                "postgresql://",
                "postgres://jobd@[::1]:5433,db2/registry?connect_timeout=3&sslmode=verify-full",
                "client_encoding=utf8 options='-c search_path=public'",
                "target_session_attrs=primary",
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char why[200] = "";
                if (conninfo_check(rows[i], why, sizeof(why)))
                        fail_msg("%s: %s", rows[i], why);
                assert_string_equal(why, "");
        }
}

static void test_bad(void **state) {
        static const struct {
                const char *conninfo, *words;
        } rows[] = {
                {"registry", "missing \"=\" after \"registry\" in connection info string"},
                {"host=a b", "missing \"=\" after \"b\" in"},
                {"hots=a", "invalid connection option \"hots\""},
                {"host='a", "unterminated quoted string"},
                {"postgres://[::1/x", "end of string reached when looking for matching \"]\" in"},
                {"postgres://h/x?y=1", "invalid URI query parameter"},
                {"client_encoding=LATIN1", "client_encoding=LATIN1: the encoding is always UTF8"},
                {"connect_timeout=0", "connect_timeout=0: connecting must end"},
                {"connect_timeout=soon", "connect_timeout=soon: connecting must end"},
                {"postgres://h/x?replication=database", "replication=database: jobs cannot"},
                {"target_session_attrs=standby", "target_session_attrs=standby: the server must"},
                {"target_session_attrs=read-only", "the server must accept writes"},
                {"target_session_attrs='prefer-standby'", "the server must accept writes"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char why[200] = "";
                assert_int_equal(conninfo_check(rows[i].conninfo, why, sizeof(why)),
                                 CONNINFO_E_INVALID);
                if (!strstr(why, rows[i].words) || strchr(why, '\n'))
                        fail_msg("%s: '%s' without '%s'", rows[i].conninfo, why, rows[i].words);
        }
}

static void test_reason_without_secret(void **state) {
        static const struct {
                const char *conninfo, *words;
        } rows[] = {
                {"password=very secret host=a", "missing \"=\" after \"***\" in connection info"},
                {"password=very secret=1", "invalid connection option \"***\""},
                {"password secret", "missing \"=\" after \"***\" in"},
                {"password='very\nsecret", "unterminated quoted string"},
                {"postgres://u:secret@[::1/x", "for matching \"]\" in IPv6 host address in URI: "
                                               "\"***\""},
                {"postgres://u:se\"cret@[::1/x", "in URI: \"***\""},
                {"postgres://u:secret%0g@h/x", "invalid percent-encoded token: \"***\""},
                {"postgres://h/x?p%61ssword=secret%", "invalid percent-encoded token: \"***\""},
                {"postgres://u:secret@h/x?replication=1", "replication=1: jobs cannot"},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char why[200] = "";
                assert_int_equal(conninfo_check(rows[i].conninfo, why, sizeof(why)),
                                 CONNINFO_E_INVALID);
                if (!strstr(why, rows[i].words) || strchr(why, '\n') || strstr(why, "cret"))
                        fail_msg("%s: '%s' without '%s'", rows[i].conninfo, why, rows[i].words);
        }
}

static void test_short_reason(void **state) {
        char why[8] = "";

        (void) state;
        assert_int_equal(conninfo_check("nonsense", why, sizeof(why)), CONNINFO_E_INVALID);
        assert_string_equal(why, "missing");
}

static void test_printable(void **state) {
        static const struct {
                const char *conninfo, *printed;
                int has_secret;
        } rows[] = {
                {"", "", 0},
                {"host = db  dbname = 'registry'", "dbname=registry host=db", 0},
                {"user='x y' dbname='' host='it\\'s\\\\'", "user='x y' dbname='' host='it\\'s\\\\'",
                 0},
                {"host=a password=secret", "password=*** host=a", 1},
                {"password='' sslpassword='top secret'", "password=*** sslpassword=***", 1},
                {"postgres://jobd:se%20cret@h1:1,h2/registry?sslmode=require&sslpassword=x",
                 "user=jobd password=*** dbname=registry host=h1,h2 port=1, sslmode=require "
                 "sslpassword=***",
                 1},
                {"postgres://h/two%0alines", "dbname='two?lines' host=h", 0},
        };

        (void) state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                char *text = conninfo_printable(rows[i].conninfo);
                assert_non_null(text);
                assert_string_equal(text, rows[i].printed);
                assert_int_equal(conninfo_has_secret(rows[i].conninfo), rows[i].has_secret);
                free(text);
        }
        assert_null(conninfo_printable("nonsense"));
        assert_int_equal(conninfo_has_secret("nonsense"), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bad),
                cmocka_unit_test(test_reason_without_secret),
                cmocka_unit_test(test_short_reason),
                cmocka_unit_test(test_printable),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
