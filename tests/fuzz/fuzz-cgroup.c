/* What the kernel says about control groups. A file of it is a path of containers' making. */
#include "fuzz.h"
#include "util/cgroup_text.h"

/* The paths of those who are asked after: the root, a service, one that leaves its mount. */
static const char *const paths[] = {"/", "/system.slice/registry-jobd.service", "/a b/c", "/../x"};

/* Fewer bytes than most paths have, and all that a path can have. */
static void check_own(const char *text, size_t size) {
        char *path = malloc(size);

        FUZZ_CHECK(path);
        if (!cgroup_text_own(text, path, size)) {
                FUZZ_CHECK(*path == '/' && strlen(path) < size);
                FUZZ_CHECK(!strchr(path, '\n') && strstr(text, path));
        }
        free(path);
}

static void check_directory(const char *text, const char *path, size_t size) {
        char *directory = malloc(size);
        const char *line = strstr(text, " - cgroup2 ");

        FUZZ_CHECK(directory);
        if (!cgroup_text_directory(text, path, directory, size)) {
                FUZZ_CHECK(line && strlen(directory) < size);
                /* Unless that is the name of the mount itself, written in one of two ways. */
                FUZZ_CHECK(!strstr(directory, "/../x") || strstr(text, "/../x") ||
                           strchr(text, '\\'));
        }
        free(directory);
}

static void check_count(const char *text, const char *key) {
        uint64_t count = 7;

        if (cgroup_text_count(text, key, &count))
                FUZZ_CHECK(count == 7);
        else
                FUZZ_CHECK(strstr(text, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = fuzz_string(data, size);

        check_own(text, 16);
        check_own(text, CGROUP_PATH_SIZE);
        for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
                check_directory(text, paths[i], 16);
                check_directory(text, paths[i], CGROUP_PATH_SIZE);
        }
        check_count(text, "oom");
        check_count(text, "oom_kill");
        FUZZ_CHECK(!cgroup_text_has(text, "memory") || strstr(text, "memory"));
        FUZZ_CHECK(!cgroup_text_has(text, "1") || strchr(text, '1'));
        free(text);
        return 0;
}
