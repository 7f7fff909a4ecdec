/*
 * Whatever shows or repeats parameters asks here. The database itself holds the values as they were
 * given: whoever may read public.jobs can read them there.
 */
#include "core/secret.h"

#include <jansson.h>
#include <string.h>

#include "core/json_text.h"

int secret_is_possible(const struct rj_model *model) {
        if (!model)
                return 1;
        for (const struct rj_param_desc *p = model->params; p && p->name; p++)
                if (p->flags & RJ_PARAM_SECRET)
                        return 1;
        return 0;
}

static const struct rj_param_desc *find_param(const struct rj_model *model, const char *name) {
        for (const struct rj_param_desc *p = model ? model->params : NULL; p && p->name; p++)
                if (!strcmp(p->name, name))
                        return p;
        return NULL;
}

int secret_has_name(const struct rj_model *model, const char *name) {
        const struct rj_param_desc *param = find_param(model, name);
        return param ? (param->flags & RJ_PARAM_SECRET) != 0 : secret_is_possible(model);
}

/* Replaces the values that must not be shown; returns how many. */
static int replace_values(json_t *object, const struct rj_model *model) {
        const char *name;
        json_t *value;
        int n = 0;

        json_object_foreach(object, name, value) {
                if (!secret_has_name(model, name))
                        continue;
                json_t *shown = json_string(find_param(model, name) ? "(secret)" : "(hidden)");
                n += json_object_set_new(object, name, shown) == 0;
        }
        return n;
}

char *secret_hide(const char *json, const struct rj_model *model) {
        char *text = NULL;

        if (!*json || !strcmp(json, "[]") || !secret_is_possible(model))
                return strdup(json);
        json_t *object = json_loads(json, 0, NULL);
        if (!json_is_object(object))
                text = strdup("(hidden)");
        else if (replace_values(object, model))
                text = json_text(object, JSON_COMPACT);
        else
                text = strdup(json);
        json_decref(object);
        return text;
}
