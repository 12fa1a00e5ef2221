/* embed.c - vectors of texts, in batches. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "provider/numbers.h"
#include "provider/request.h"
#include "provider/run.h"
#include "sys/metrics.h"

#define BATCH          64u
#define DIMENSIONS_MAX 65536

struct embedding {
	struct run run;
	const struct embed_request *q;
	struct arena *a;
	struct embed_result *ret;
	struct gen_call call;
	struct numbers numbers; /* of the present batch's vectors */
	const struct target *t; /* that made the vectors so far */
	size_t n_done;          /* inputs */
	int64_t start_ms;
};

/* ---- one vector ---- */

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Little-endian floats of 32 bits in base64; returns how many there are, 0 when it is nothing of the kind. */
static size_t decode_floats(const char *p, size_t n, float *ret, size_t max)
{
	uint32_t bits = 0, word = 0;
	int have = 0;
	size_t bytes = 0;
	for (size_t i = 0; i < n && p[i] != '='; i++) {
		int v = sextet(p[i]);
		if (v < 0)
			return 0;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		word = word >> 8 | ((bits >> have) & 0xff) << 24;
		if (++bytes % 4 != 0)
			continue;
		if (bytes / 4 > max)
			return 0;
		memcpy(&ret[bytes / 4 - 1], &word, sizeof(word));
	}
	return bytes % 4 == 0 ? bytes / 4 : 0;
}

static size_t read_any_floats(const struct numbers *lists, const json_t *v, float *ret, size_t max)
{
	const float *list = NULL;

	if (json_is_string(v) && *json_string_value(v) == '#') {
		size_t n = numbers_of(lists, json_string_value(v), &list);
		if (n > max || n == 0)
			return 0;
		memcpy(ret, list, n * sizeof(*ret));
		return n;
	}
	if (json_is_string(v))
		return decode_floats(json_string_value(v), json_string_length(v), ret, max);
	size_t n = json_array_size(v);
	if (n > max)
		return 0;
	for (size_t i = 0; i < n; i++) {
		const json_t *x = json_array_get(v, i);
		if (!json_is_number(x))
			return 0;
		ret[i] = (float)json_number_value(x);
	}
	return n;
}

/* How many there are; 0 when it is no vector. An infinite number, as of too large an exponent, or none at all: nothing can be searched by
 * them, and JSON has no word for them. */
static size_t read_floats(const struct numbers *lists, const json_t *v, float *ret, size_t max)
{
	size_t n = read_any_floats(lists, v, ret, max), i = 0;

	while (i < n && isfinite(ret[i]))
		i++;
	return i < n ? 0 : n;
}

/* The beginning of a vector is one too when its length is made 1 again. */
static void make_unit(float *v, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)v[i] * (double)v[i];
	if (sum <= 0)
		return;
	double scale = 1 / sqrt(sum);
	for (size_t i = 0; i < n; i++)
		v[i] = (float)((double)v[i] * scale);
}

/* ---- one batch ---- */

/* The first vector says how long all are. */
static int make_room(struct embedding *g, size_t found, struct err *e)
{
	struct embed_result *ret = g->ret;
	size_t wanted = (size_t)g->q->dimensions;
	if (ret->vectors)
		return 0;
	if (wanted > found)
		return err_set(e, E_MODEL_CANNOT, "%.120s makes vectors of %zu numbers, not of %zu.", g->t->model.id,
			found, wanted);
	ret->dimensions = wanted > 0 ? wanted : found;
	ret->vectors = arena_alloc_array(g->a, g->q->n_inputs, ret->dimensions * sizeof(float));
	return ret->vectors ? 0 : err_set(e, -ENOMEM, "The vectors are too many to keep.");
}

static int take_vector(struct embedding *g, const json_t *v, size_t at, float *space, struct err *e)
{
	const char *label = g->t->p->label;
	size_t n = read_floats(&g->numbers, v, space, DIMENSIONS_MAX);
	if (n == 0)
		return err_set(e, E_PROVIDER_BROKEN, "%s sent something that is not a vector.", label);
	int r = make_room(g, n, e);
	if (r < 0)
		return r;
	size_t d = g->ret->dimensions;
	if (n < d || (n > d && g->q->dimensions == 0))
		return err_set(e, E_PROVIDER_BROKEN, "%s sent vectors of different lengths.", label);
	if (n > d)
		make_unit(space, d);
	memcpy(g->ret->vectors + at * d, space, d * sizeof(float));
	return 0;
}

static int take_answer(struct embedding *g, const json_t *root, size_t n, struct err *e)
{
	CLEANUP(freep) float *space = xcalloc(DIMENSIONS_MAX, sizeof(*space));
	const json_t *data = json_object_get(root, "data"), *plain = json_object_get(root, "embeddings");
	const json_t *list = json_is_array(plain) ? plain : data;
	bool seen[BATCH] = {false};
	if (json_array_size(list) != n)
		return err_set(e, E_PROVIDER_BROKEN, "%s was asked for %zu vectors and sent %zu.", g->t->p->label, n,
			json_array_size(list));
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);
		int64_t place = json_get_i64(item, "index", (int64_t)i);
		if (place < 0 || place >= (int64_t)n || seen[place])
			return err_set(e, E_PROVIDER_BROKEN, "%s numbered its vectors wrongly.", g->t->p->label);
		seen[place] = true;
		int r = take_vector(g, list == plain ? item : json_object_get(item, "embedding"),
			g->n_done + (size_t)place, space, e);
		if (r < 0)
			return r;
	}
	int64_t tokens =
		wire_count(json_object_get(root, "usage"), "prompt_tokens", wire_count(root, "prompt_eval_count", -1));
	if (tokens >= 0)
		g->run.ret->tokens_in = MIN(MAX(g->run.ret->tokens_in, 0) + tokens, COUNT_MAX);
	return 0;
}

static int embed_batch(struct embedding *g, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct run *run = &g->run;
	size_t n = MIN(BATCH, g->q->n_inputs - g->n_done);
	gen_call_done(&g->call);
	g->call = GEN_CALL_INIT;
	buf_done(&run->res.error_body);
	run->res = (struct http_result){.retry_after_ms = -1};
	g->numbers.n = 0;
	int r = run->t->p->dialect->embed(run->t, g->q, g->q->inputs + g->n_done, n, &g->call);
	if (r >= 0)
		r = run_fetch(run, &g->call, &root, e);
	if (r >= 0)
		r = take_answer(g, root, n, e);
	if (r >= 0)
		g->n_done += n;
	return r;
}

/* What is done stays done when a batch is tried again; vectors of another model do not go with it. */
static int embed_once(struct embedding *g)
{
	struct run *run = &g->run;
	int r = 0;
	if (g->t != run->t) {
		g->t = run->t;
		g->n_done = 0;
		g->ret->vectors = NULL;
		run->ret->tokens_in = -1;
		g->start_ms = clock_mono_ms();
	}
	while (r >= 0 && g->n_done < g->q->n_inputs)
		r = embed_batch(g, &run->why);
	run->ret->duration_ms = clock_mono_ms() - g->start_ms;
	return r;
}

static unsigned embed_learn(struct run *run, struct str error)
{
	const struct embedding *g = CONTAINER_OF(run, struct embedding, run);
	const struct dialect *d = run->t->p->dialect;
	return d->learn && run->res.status != 500 && g->q->dimensions > 0 ? d->learn(run->t, NULL, &g->call, error) : 0;
}

static int embed_able(struct run *run, const struct target *t, struct err *e)
{
	(void)run;
	if (!t->p->dialect->embed || (t->p->dialect != &openai_dialect && !model_can(&t->model, "embedding")))
		return err_set(e, E_MODEL_CANNOT, "%.120s makes no vectors of texts. Choose a model for embeddings.",
			t->model.id);
	return 0;
}

int provider_can_embed(struct providers *ps, const char *model, struct err *e)
{
	struct run run = {.ps = ps, .model = model, .able = embed_able};
	return run_can(&run, e);
}

int provider_embed(struct providers *ps, const struct embed_request *q, struct cancel *cancel, struct arena *a,
	struct embed_result *ret, struct err *e)
{
	struct embedding g = {.run = {.ps = ps,
				      .model = q->model,
				      .caller = q->caller,
				      .hurried = q->hurried,
				      .cancel = cancel,
				      .ret = &ret->call,
				      .able = embed_able,
				      .learn = embed_learn},
		.q = q,
		.a = a,
		.ret = ret};
	g.run.numbers = &g.numbers;
	*ret = (struct embed_result){.vectors = NULL};
	ret->call = (struct gen_result)GEN_NO_RESULT;
	if (q->dimensions < 0 || q->dimensions > DIMENSIONS_MAX)
		return err_set(e, E_INVALID, "Vectors have 1 to %d numbers.", DIMENSIONS_MAX);
	int r = run_begin(&g.run, e);
	while (r >= 0 && run_next(&g.run))
		g.run.code = embed_once(&g);
	if (r >= 0)
		r = run_end(&g.run, e);
	gen_call_done(&g.call);
	numbers_done(&g.numbers);
	return r;
}
