/* load.c - an Ollama loads a model, which may take minutes. */
#include "job/load.h"

#include "base/json.h"

int load_run(struct job *j, struct err *e)
{
	CLEANUP(json_decrefp) json_t *params = NULL;
	CLEANUP(arena_done) struct arena a;
	int r = json_parse(j->params, strlen(j->params), &params, e);

	arena_init(&a, 1u << 20);
	if (r < 0)
		return r;
	if (!json_get_str(params, "model"))
		return err_set(e, E_INTERNAL, "the params of a load lack the model");
	return provider_manage(j->all->config.providers, MANAGE_LOAD, NULL, json_get_str(params, "model"),
		json_get_str(params, "keep_alive"), &j->cancel, &a, NULL, e);
}
