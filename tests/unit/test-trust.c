#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/trust.h"
#include "util/macro.h"

#define ME 1000
#define SOMEBODY 1001

typedef struct Row {
        TrustFacts facts;
        TrustFault fault;
        const char *why; /* for '/p'; NULL: none */
} Row;

static const Row rows[] = {
        {{TRUST_FILE, 0, 0, 0755, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_FILE, ME, ME, 0755, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_FILE, ME, ME, 0400, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_FILE, 0, 0, 04755, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_FILE, SOMEBODY, ME, 0755, 0},
         TRUST_FAULT_OWNER,
         "file '/p' belongs to user 1001, not to root or to user 1000, who runs this: chown root "
         "/p"},
        {{TRUST_FILE, ME, ME, 0777, 0},
         TRUST_FAULT_WRITERS,
         "file '/p' can be changed by everybody (mode 0777): chmod go-w /p"},
        {{TRUST_FILE, ME, ME, 0666, 1},
         TRUST_FAULT_WRITERS,
         "file '/p' can be changed by everybody (mode 0666): chmod o-w /p"},
        {{TRUST_FILE, ME, 50, 0775, 0},
         TRUST_FAULT_WRITERS,
         "file '/p' can be changed by group 50 (mode 0775): chmod g-w /p"},
        {{TRUST_FILE, ME, ME, 0664, 1}, TRUST_FAULT_NONE, NULL}, /* umask 002 */
        {{TRUST_FILE, ME, ME, 01777, 0},
         TRUST_FAULT_WRITERS,
         "file '/p' can be changed by everybody (mode 1777): chmod go-w /p"},
        {{TRUST_DIRECTORY, 0, 0, 0755, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_DIRECTORY, 0, 50, 02775, 0},
         TRUST_FAULT_WRITERS,
         "directory '/p' can be changed by group 50 (mode 2775): chmod g-w /p"},
        {{TRUST_DIRECTORY, 0, 0, 01777, 0}, TRUST_FAULT_NONE, NULL}, /* as /tmp */
        {{TRUST_DIRECTORY, SOMEBODY, 0, 01777, 0},
         TRUST_FAULT_OWNER,
         "directory '/p' belongs to user 1001, not to root or to user 1000, who runs this: chown "
         "root /p"},
        {{TRUST_LINK, 0, 0, 0777, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_LINK, SOMEBODY, 0, 0777, 0},
         TRUST_FAULT_OWNER,
         "symbolic link '/p' belongs to user 1001, not to root or to user 1000, who runs this: "
         "chown -h root /p"},
        {{TRUST_SECRET, 0, 0, 0440, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_SECRET, ME, ME, 0600, 0}, TRUST_FAULT_NONE, NULL},
        {{TRUST_SECRET, ME, ME, 0644, 0},
         TRUST_FAULT_READERS,
         "file '/p' can be read by everybody (mode 0644): chmod o-r /p"},
        {{TRUST_SECRET, ME, 50, 0660, 0},
         TRUST_FAULT_WRITERS,
         "file '/p' can be changed by group 50 (mode 0660): chmod g-w /p"},
};

static void test_judgements(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char why[512] = "";
                TrustFault fault = trust_judge(&rows[i].facts, ME);

                trust_explain(fault, &rows[i].facts, "/p", ME, why, sizeof(why));
                if (fault != rows[i].fault || strcmp(why, rows[i].why ? rows[i].why : "") != 0)
                        fail_msg("%zu: %d '%s'", i, (int) fault, why);
        }
}

/* What belongs to the daemon's user is not root's to run. */
static void test_root_trusts_root_alone(void **state) {
        static const TrustFacts of_user = {TRUST_FILE, ME, ME, 0755, 0};
        static const TrustFacts of_root = {TRUST_FILE, 0, 0, 0755, 0};
        char why[512];

        (void) state;
        assert_int_equal(trust_judge(&of_root, 0), TRUST_FAULT_NONE);
        assert_int_equal(trust_judge(&of_user, 0), TRUST_FAULT_OWNER);
        trust_explain(TRUST_FAULT_OWNER, &of_user, "/p", 0, why, sizeof(why));
        assert_string_equal(why, "file '/p' belongs to user 1000, not to root: chown root /p");
}

/* A long path leaves room for what is wrong. */
static void test_long_path(void **state) {
        static const TrustFacts facts = {TRUST_FILE, ME, ME, 0777, 0};
        char path[4000], why[400];

        (void) state;
        memset(path, 'p', sizeof(path));
        path[sizeof(path) - 1] = '\0';
        trust_explain(TRUST_FAULT_WRITERS, &facts, path, ME, why, sizeof(why));
        assert_non_null(strstr(why, "(mode 0777): chmod go-w ppp"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_judgements),
                cmocka_unit_test(test_root_trusts_root_alone),
                cmocka_unit_test(test_long_path),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
