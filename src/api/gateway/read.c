/* read.c - what the shapes have in common when they read a request. */
#include <errno.h>
#include <strings.h>

#include "api/gateway/gateway_priv.h"

/* Of the tree that a request becomes, beside its strings: some 40,000 small messages. */
#define BODY_MEMORY ((size_t)32 << 20)

int gw_body(struct request *q, bool may_be_empty, json_t **ret)
{
	const char *encoding = http_header(q->x, "Content-Encoding");
	CLEANUP(json_decrefp) json_t *body = NULL;
	struct str text = http_body(q->x);
	int r;

	if (encoding && *encoding && strcasecmp(encoding, "identity") != 0)
		return err_set(&q->err, E_MEDIA_TYPE, "Send the request without compression (Content-Encoding).");
	if (str_starts(text, STR("\xef\xbb\xbf"))) /* a byte order mark */
		text = (struct str){text.p + 3, text.n - 3};
	if (text.n == 0 && may_be_empty)
		text = STR("{}");
	if ((r = json_read(text.p, text.n, BODY_MEMORY, JSON_READ_EXACT, &body, &q->err)) < 0)
		return r;
	if (!json_is_object(body))
		return err_set(&q->err, E_INVALID, "The request must be a JSON object.");
	*ret = TAKE_PTR(body);
	return 0;
}

/* "name" and "name:latest" are the same to clients that know Ollama. */
static const char *other_name(struct request *q, const char *model)
{
	static const char tag[] = ":latest";
	size_t n = strlen(model), k = sizeof(tag) - 1;
	const char *last = strrchr(model, '/');

	if (n > k && strcmp(model + n - k, tag) == 0)
		return arena_strndup(&q->mem, model, n - k);
	if (strchr(last ? last : model, ':'))
		return NULL;
	return arena_printf(&q->mem, "%s%s", model, tag);
}

/* "code", "embedding" ... where no model has this name: the model that was chosen for the task. */
static int resolve_task(struct request *q, const char *name, const char **ret_id, struct err *e)
{
	struct providers *ps = q->api->c.providers;
	struct model m;

	for (int t = 0; t < TASK_COUNT; t++) {
		if (strcmp(name, model_task_name(t)) == 0 && providers_model(ps, name, &q->mem, &m, NULL) < 0)
			return providers_resolve_task(ps, t, NULL, &q->mem, ret_id, e);
	}
	return providers_resolve(ps, name, &q->mem, ret_id, e);
}

int gw_resolve(struct request *q, const char *model, const char **ret_id)
{
	struct providers *ps = q->api->c.providers;
	const char *other, *id = NULL;
	struct err e = {0};
	int r = resolve_task(q, model, &id, &e);

	if (r == E_MODEL_UNKNOWN && (other = other_name(q, model)) != NULL) {
		struct err ignored = {0};
		if (providers_resolve(ps, other, &q->mem, &id, &ignored) == 0)
			r = 0;
	}
	if (r < 0) {
		q->err = e;
		return err_set(&q->err, r, "%s", err_info(r)->text);
	}
	r = request_allow_model(q, id);
	if (r == 0)
		*ret_id = id;
	return r;
}

/* ---- sampling ---- */

static int read_double(struct gw_call *c, const json_t *from, const char *name, unsigned bit, double *to, unsigned *set)
{
	const json_t *v = json_object_get(from, name);

	if (!v || json_is_null(v))
		return 0;
	if (!json_get_number(v, to))
		return err_set(&c->q->err, E_INVALID, "\"%s\" must be a number.", name);
	*set |= bit;
	return 0;
}

int64_t gw_whole_number(const json_t *v)
{
	double d = 0;

	if (json_is_integer(v))
		return (int64_t)json_integer_value(v);
	(void)json_get_number(v, &d);
	return d >= 9e18 ? INT64_MAX : d <= -9e18 ? INT64_MIN : (int64_t)d;
}

static int read_top_k(struct gw_call *c, const json_t *from, struct gen_sampling *s)
{
	const json_t *v = json_object_get(from, "top_k");
	double d = 0;

	if (v && !json_is_null(v))
		s->top_k = gw_whole_number(v);
	return read_double(c, from, "top_k", SAMPLE_TOP_K, &d, &s->set);
}

/* Some are 64 bits wide without a sign: the digits go on as they stand. */
static int read_seed(struct gw_call *c, const json_t *from, struct gen_sampling *s)
{
	const json_t *v = json_object_get(from, "seed");
	double d = 0;
	int r = read_double(c, from, "seed", SAMPLE_SEED, &d, &s->set);

	if (r == 0 && v && !json_is_null(v))
		s->seed = json_long_number(v) ? json_long_number(v)
					      : arena_printf(&c->q->mem, "%lld", (long long)gw_whole_number(v));
	return r == 0 && (s->set & SAMPLE_SEED) && !s->seed ? request_no_memory(c->q) : r;
}

int gw_read_sampling(struct gw_call *c, const json_t *from, struct gen_sampling *s)
{
	const struct {
		const char *name;
		unsigned bit;
		double *to;
	} numbers[] = {
		{"temperature", SAMPLE_TEMPERATURE, &s->temperature},
		{"top_p", SAMPLE_TOP_P, &s->top_p},
		{"min_p", SAMPLE_MIN_P, &s->min_p},
		{"presence_penalty", SAMPLE_PRESENCE, &s->presence_penalty},
		{"frequency_penalty", SAMPLE_FREQUENCY, &s->frequency_penalty},
		{"repeat_penalty", SAMPLE_REPEAT, &s->repeat_penalty},
	};
	int r = 0;

	for (size_t i = 0; i < N_ELEMENTS(numbers) && r == 0; i++)
		r = read_double(c, from, numbers[i].name, numbers[i].bit, numbers[i].to, &s->set);
	if (r == 0)
		r = read_top_k(c, from, s);
	return r == 0 ? read_seed(c, from, s) : r;
}

int gw_read_stop(struct gw_call *c, const json_t *stop, const char *const **ret)
{
	size_t n = json_is_array(stop) ? json_array_size(stop) : 1, used = 0;
	const char **list;

	*ret = NULL;
	if (!stop || json_is_null(stop) || n == 0)
		return 0;
	list = ARENA_ARRAY(&c->q->mem, const char *, n + 1);
	if (!list)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_is_array(stop) ? json_array_get(stop, i) : stop);
		if (!s)
			return err_set(&c->q->err, E_INVALID, "Stop sequences must be strings.");
		if (*s) /* the empty one would stop before anything */
			list[used++] = s;
	}
	*ret = used ? list : NULL;
	return 0;
}

/* Line breaks within strings are escaped, so that all others are white space. */
void gw_add_line(struct str json, struct buf *out)
{
	while (json.n > 0) {
		size_t n = 0;

		while (n < json.n && json.p[n] != '\n' && json.p[n] != '\r')
			n++;
		buf_add(out, json.p, n);
		n += n < json.n;
		json.p += n;
		json.n -= n;
	}
}

int gw_json_text(struct gw_call *c, const json_t *v, const char **ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	*ret = NULL;
	if (!v)
		return 0;
	json_add_value(&b, v);
	if (buf_status(&b) == 0)
		*ret = arena_strndup(&c->q->mem, b.p, b.n);
	return *ret ? 0 : request_no_memory(c->q);
}
