/* pull.c - an Ollama fetches a model. What is there already is not fetched again, so going on is beginning anew. */
#include "job/pull.h"

#include "base/json.h"

/* ---- how far it is ---- */

static struct pull_layer *find_layer(struct pull_progress *p, const char *digest)
{
	size_t n = strlen(digest);

	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->layers[i].digest, digest) == 0)
			return &p->layers[i];
	}
	if (p->n == PULL_LAYERS_MAX || n >= sizeof(p->layers->digest))
		return NULL;
	p->layers[p->n] = (struct pull_layer){.total = 0};
	memcpy(p->layers[p->n].digest, digest, n + 1);
	return &p->layers[p->n++];
}

static bool take_status(struct pull_progress *p, const char *status)
{
	size_t n;

	if (!status || !*status)
		return false;
	n = strnlen(status, sizeof(p->status) - 1);
	if (strncmp(p->status, status, n) == 0 && p->status[n] == '\0')
		return false;
	memcpy(p->status, status, n);
	p->status[n] = '\0';
	return true;
}

bool pull_take_line(struct pull_progress *p, const char *json, size_t n)
{
	CLEANUP(json_decrefp) json_t *line = NULL;
	struct err quiet = {0};
	struct pull_layer *layer, was;
	const char *digest;
	bool changed;

	if (json_parse(json, n, &line, &quiet) < 0)
		return false;
	changed = take_status(p, json_get_str(line, "status"));
	digest = json_get_str(line, "digest");
	layer = digest ? find_layer(p, digest) : NULL;
	if (!layer)
		return changed;
	was = *layer;
	/* A layer that is fetched in several parts may be told of late by one of them: it never goes back. */
	layer->total = MAX(layer->total, json_get_i64(line, "total", 0));
	layer->completed = MIN(MAX(layer->completed, json_get_i64(line, "completed", 0)), layer->total);
	return changed || layer->total != was.total || layer->completed != was.completed;
}

void pull_write(const struct pull_progress *p, struct buf *b)
{
	int64_t completed = 0, total = 0;

	for (size_t i = 0; i < p->n; i++) {
		completed += p->layers[i].completed;
		total += p->layers[i].total;
	}
	job_progress_begin(
		&(struct job_progress){.status = p->status, .unit = "bytes", .completed = completed, .total = total},
		b);
	buf_add_str(b, ",\"layers\":[");
	for (size_t i = 0; i < p->n; i++) {
		buf_add_str(b, i ? ",{\"digest\":" : "{\"digest\":");
		json_add_cstr(b, p->layers[i].digest);
		buf_printf(b, ",\"completed\":%lld,\"total\":%lld}", (long long)p->layers[i].completed,
			(long long)p->layers[i].total);
	}
	buf_add_str(b, "]}");
}

/* ---- the job ---- */

struct pull {
	struct job *job;
	struct pull_progress progress; /* of the loop while it runs */
};

static int on_line(void *arg, const char *json, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(64u << 10);
	struct pull *p = arg;

	if (!pull_take_line(&p->progress, json, n))
		return 0;
	pull_write(&p->progress, &b);
	if (buf_status(&b) == 0)
		job_set_progress(p->job, b.p, b.n);
	return 0;
}

int pull_run(struct job *j, struct err *e)
{
	CLEANUP(json_decrefp) json_t *params = NULL;
	CLEANUP(freep) struct pull *p = xcalloc(1, sizeof(*p));
	const char *provider, *model;
	int r = json_parse(j->params, strlen(j->params), &params, e);

	if (r < 0)
		return r;
	provider = json_get_str(params, "provider");
	model = json_get_str(params, "model");
	if (!provider || !model)
		return err_set(e, E_INTERNAL, "the params of a pull lack provider or model");
	p->job = j;
	return provider_pull(j->all->config.providers, provider, model, on_line, p, &j->cancel, e);
}
