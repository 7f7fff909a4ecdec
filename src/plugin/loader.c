#include "plugin/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "files/trusted.h"
#include "plugin/elf_file.h"
#include "util/error.h"
#include "util/text.h"

#define ENTRY_POINT "registry_job_plugin_v1"

Plugin *loader_close(Plugin *plugin) {
        if (plugin) {
                if (plugin->handle)
                        (void) dlclose(plugin->handle);
                free(plugin);
        }
        return NULL;
}

int loader_open(const char *directory, const char *name, Plugin **ret, char *why, size_t size) {
        _cleanup_(freep) char *path = text_format("%s/%s.so", directory, name);
        char problem[256];
        _cleanup_(closep) int fd = -1;
        _cleanup_(loader_closep) Plugin *plugin = calloc(1, sizeof(*plugin));
        if (!path || !plugin)
                return error_origin(-ENOMEM);

        int r = trusted_find(path, TRUST_FILE, &fd, why, size);
        if (r < 0)
                (void) snprintf(why, size, "%s: %s", path, strerror(-r));
        if (r)
                return LOADER_E_UNLOADABLE;
        if (elf_file_check(path, problem, sizeof(problem))) {
                (void) snprintf(why, size, "%s: %s", path, problem);
                return LOADER_E_UNLOADABLE;
        }
        plugin->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!plugin->handle) {
                (void) snprintf(why, size, "%s", dlerror());
                return LOADER_E_UNLOADABLE;
        }
        const struct rj_plugin *(*describe)(void) = NULL;
        void *symbol = dlsym(plugin->handle, ENTRY_POINT);
        memcpy(&describe, &symbol, sizeof(symbol)); /* C has no cast between the two */
        const struct rj_plugin *desc = describe ? describe() : NULL;
        if (!desc) {
                (void) snprintf(why, size, "%s: no description from " ENTRY_POINT "()", path);
                return LOADER_E_UNLOADABLE;
        }

        if (abi_check(desc, name, problem, sizeof(problem))) {
                (void) snprintf(why, size, "%s: %s", path, problem);
                return LOADER_E_UNLOADABLE;
        }
        abi_copy(&plugin->desc, sizeof(plugin->desc), desc, desc->struct_size);
        *ret = TAKE_PTR(plugin);
        return 0;
}
