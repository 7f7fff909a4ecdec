/* Keys of a section [exec "Plugin.Model"], and the types of parameters in them. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "core/params.h"
#include "exec/param_spec.h"
#include "fuzz.h"

#define HEADING "[exec \"Fuzz.Model\"]\n"

static void check_choices(const struct rj_param_desc *desc) {
        FUZZ_CHECK((desc->choices != NULL) == (desc->type == RJ_PARAM_SELECT));
        for (size_t i = 0; desc->choices && desc->choices[i]; i++) {
                FUZZ_CHECK(*desc->choices[i]);
                for (size_t k = 0; k < i; k++)
                        FUZZ_CHECK(strcmp(desc->choices[i], desc->choices[k]));
        }
        FUZZ_CHECK(!desc->choices || desc->choices[0]);
}

static void check_desc(const struct rj_param_desc *desc) {
        FUZZ_CHECK(*desc->name);
        FUZZ_CHECK(desc->type >= RJ_PARAM_BOOL && desc->type <= RJ_PARAM_FK);
        FUZZ_CHECK(!(desc->flags & ~(RJ_PARAM_REQUIRED | RJ_PARAM_SECRET)));
        FUZZ_CHECK(!desc->table || (desc->type == RJ_PARAM_FK && *desc->table));
        check_choices(desc);
}

/* A model that was accepted can have its jobs' parameters read. */
static void check_model(const ExecModel *exec) {
        const struct rj_model *model = exec_model_describe(exec);
        Params *params = NULL;
        Problems problems = {0};

        for (const struct rj_param_desc *desc = model->params; desc && desc->name; desc++) {
                check_desc(desc);
                for (const struct rj_param_desc *other = model->params; other < desc; other++)
                        FUZZ_CHECK(strcmp(other->name, desc->name));
        }
        int r = params_new("{}", model, &params, &problems);
        FUZZ_CHECK(r == 0 || r == PARAMS_E_INVALID);
        params_free(params);
}

static void check_section(const uint8_t *data, size_t size) {
        Config *config = NULL;
        Problems problems = {0};
        char path[64];
        int fd = memfd_create("config", MFD_CLOEXEC);

        FUZZ_CHECK(fd >= 0 && write(fd, HEADING, strlen(HEADING)) == (ssize_t) strlen(HEADING));
        FUZZ_CHECK(write(fd, data, size) == (ssize_t) size);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        int r = config_read(path, &config, &problems);
        FUZZ_CHECK(r == 0 || r == CONFIG_E_INVALID);
        FUZZ_CHECK((config != NULL) == (r == 0) && (problems.count > 0) == (r != 0));
        for (size_t i = 0; config && i < config->n_exec; i++)
                check_model(config->exec[i]);
        config_free(config);
        (void) close(fd);
}

/* The type of a parameter on its own, without the limits of a line of the file. */
static void check_spec(const char *text) {
        struct rj_param_desc desc = {0};
        int r = param_spec_parse("name", text, &desc);

        FUZZ_CHECK(r == 0 || r == PARAM_SPEC_E_INVALID);
        if (!r) {
                check_desc(&desc);
                param_spec_done(&desc);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = fuzz_string(data, size);

        check_section(data, size);
        check_spec(text);
        free(text);
        return 0;
}
