/* Opens <Plugin>.so. Only workers and commands do: the supervisor never maps plugin code. */
#pragma once

#include "plugin/abi.h"
#include "util/macro.h"

#define LOADER_E_UNLOADABLE 1 /* not there, not loadable, or not what we can use; `why` says it */

typedef struct Plugin {
        void *handle;
        struct rj_plugin desc; /* checked; members that the plugin's header did not have are 0 */
} Plugin;

/* `name` has been checked to be a name: it becomes part of a path. */
int loader_open(const char *directory, const char *name, Plugin **ret, char *why, size_t size);

Plugin *loader_close(Plugin *plugin);
DEFINE_CLEANUP(Plugin, loader_close)
