/* The configuration file, written to memory and read from there. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "fuzz.h"

static void check_values(Config *config) {
        char kept[256];
        Config *defaults = NULL;

        FUZZ_CHECK(config->workers >= 1 && config->workers <= 256);
        FUZZ_CHECK(config->max_jobs_per_turn >= 1);
        FUZZ_CHECK(config->lease_usec >= 3 * config->heartbeat_usec);
        FUZZ_CHECK(config->log_level >= 0 && config->log_level <= 7);
        for (size_t i = 0; i < config->n_load; i++)
                FUZZ_CHECK(config->load[i]);
        for (size_t i = 0; i < config->n_exec; i++)
                FUZZ_CHECK(exec_model_name(config->exec[i]));
        for (size_t i = 0; i < config->limits.n; i++)
                FUZZ_CHECK(limit_is_name(config->limits.overrides[i].name));
        const int64_t workers = config->workers;
        const size_t overrides = config->limits.n;
        FUZZ_CHECK(!config_new(&defaults));
        config_apply(defaults, config, kept, sizeof(kept));
        FUZZ_CHECK(defaults->workers == workers && defaults->limits.n == overrides);
        FUZZ_CHECK(defaults->lease_usec >= 3 * defaults->heartbeat_usec);
        config_apply(config, config, kept, sizeof(kept));
        config_free(defaults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Config *config = NULL;
        Problems problems = {0};
        char path[64];
        int fd = memfd_create("config", MFD_CLOEXEC);

        FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t) size);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int r = config_read(path, &config, &problems);
        FUZZ_CHECK(r == 0 || r == CONFIG_E_INVALID);
        FUZZ_CHECK((config != NULL) == (r == 0) && (problems.count > 0) == (r != 0));
        if (config)
                check_values(config);
        config_free(config);
        (void) close(fd);
        return 0;
}
