/* Connection strings: what is printed means the same, and secrets stay secret. */
#include <libpq-fe.h>
#include <stdio.h>

#include "db/conninfo.h"
#include "fuzz.h"
#include "util/text.h"

#define SECRET "n0T-t0-be-Sh0wn"

static int is_line(const char *text) {
        uint32_t c;

        for (size_t n; (n = text_next(text, &c)); text += n)
                if (text_is_control(c))
                        return 0;
        return 1;
}

/* libpq lists its options always in the same order. */
static void check_same(const char *conninfo, const char *printed) {
        PQconninfoOption *a = PQconninfoParse(conninfo, NULL);
        PQconninfoOption *b = PQconninfoParse(printed, NULL);

        FUZZ_CHECK(a && b);
        for (size_t i = 0; a[i].keyword; i++) {
                FUZZ_CHECK(!a[i].val == !b[i].val);
                if (!a[i].val)
                        continue;
                if (a[i].dispchar[0] == '*')
                        FUZZ_CHECK(!strcmp(b[i].val, "***"));
                else if (is_line(a[i].val))
                        FUZZ_CHECK(!strcmp(a[i].val, b[i].val));
        }
        PQconninfoFree(a);
        PQconninfoFree(b);
}

/* 1 as `hides_it`: the secret stands in no place but that of a password. */
static void check(const char *conninfo, int hides_it) {
        char why[400] = "";
        int r = conninfo_check(conninfo, why, sizeof(why));
        char *printed = conninfo_printable(conninfo);

        FUZZ_CHECK(r == 0 || r == CONNINFO_E_INVALID);
        FUZZ_CHECK((r != 0) == (*why != 0));
        FUZZ_CHECK(printed || r);
        FUZZ_CHECK(is_line(why));
        if (hides_it)
                FUZZ_CHECK(!strstr(why, SECRET));
        if (printed) {
                FUZZ_CHECK(is_line(printed));
                check_same(conninfo, printed);
                FUZZ_CHECK(!conninfo_has_secret(conninfo) || strstr(printed, "=***"));
        }
        free(printed);
}

/* With a password before the input, in each of the ways to write one. */
static void check_behind(const char *before, const char *input) {
        char *conninfo = NULL;
        FUZZ_CHECK(asprintf(&conninfo, "%s%s", before, input) >= 0);
        check(conninfo, !strstr(input, SECRET));
        free(conninfo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = fuzz_string(data, size);

        check(text, 0);
        check_behind("password=" SECRET, text);
        check_behind("password='" SECRET, text);
        check_behind("password=x " SECRET, text);
        check_behind("postgresql://user:" SECRET, text);
        check_behind("postgresql://user:" SECRET "@", text);
        check_behind("postgresql://host/db?password=" SECRET, text);
        free(text);
        return 0;
}
