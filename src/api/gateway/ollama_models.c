/*
 * ollama_models.c - every model of the catalogue, whatever its provider, as an Ollama would list it. Nobody is asked for
 * it: clients look at all models one by one, and give up on all when one takes long.
 */
#include <sodium.h>
#include <stdio.h>

#include "api/gateway/describe.h"
#include "api/gateway/ollama.h"
#include "api/request.h"
#include "base/clock.h"

#define VERSION         "0.32.0" /* the Ollama whose interface this is: clients refuse old ones */
#define CONTEXT_UNKNOWN 32768

int ollama_say(struct request *q, const char *model, int r)
{
	if (r != E_MODEL_UNKNOWN || !model)
		return r;
	err_clear(&q->err);
	return err_set(&q->err, r, "model '%.200s' not found", model);
}

int ollama_model_name(struct request *q, const json_t *body, const char **ret)
{
	const char *name = json_get_str(body, "model");

	if (!name || !*name)
		name = json_get_str(body, "name");
	if (!name || !*name)
		return err_set(&q->err, E_INVALID, "model is required");
	*ret = name;
	return 0;
}

/* ---- what stands in lists ---- */

void ollama_add_name(const char *id, struct buf *out)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(4096);
	const char *slash = strrchr(id, '/');

	buf_add_str(&name, id);
	if (!strchr(slash ? slash : id, ':'))
		buf_add_str(&name, ":latest");
	json_add_string(out, buf_str(&name).p, name.n);
}

/* 64 digits; of a model whose digest nobody knows, made from its id, so that it stays the same. */
static void add_digest(const struct model *m, struct buf *out)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];
	const char *known = m->digest;

	if (known && strncmp(known, "sha256:", 7) == 0)
		known += 7;
	if (known && strlen(known) == 64 && strspn(known, "0123456789abcdef") == 64) {
		buf_add_str(out, known);
		return;
	}
	crypto_hash_sha256(hash, (const unsigned char *)m->id, strlen(m->id));
	buf_add_str(out, sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
}

static const char *family_of(const struct model *m)
{
	return m->family && *m->family ? m->family : m->kind;
}

static void add_details(const struct model *m, struct buf *out)
{
	buf_printf(out, "\"details\":{\"parent_model\":\"\",\"format\":\"%s\",\"family\":",
		m->api & API_MANAGES || m->quantization ? "gguf" : "");
	json_add_cstr(out, family_of(m));
	buf_add_str(out, ",\"families\":[");
	json_add_cstr(out, family_of(m));
	buf_add_str(out, "],\"parameter_size\":");
	json_add_cstr(out, m->parameters ? m->parameters : "");
	buf_add_str(out, ",\"quantization_level\":");
	json_add_cstr(out, m->quantization ? m->quantization : "");
	buf_add_char(out, '}');
}

/* Of a model of which nothing is known, what most can. */
static void add_capabilities(const struct model *m, struct buf *out)
{
	static const char *const usual[] = {"completion", "tools", NULL};
	const char *const *list = m->capabilities && m->capabilities[0] ? m->capabilities : usual;

	buf_add_str(out, ",\"capabilities\":[");
	for (size_t i = 0; list[i]; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_add_cstr(out, list[i]);
	}
	buf_add_char(out, ']');
}

static void add_identity(const struct model *m, struct buf *out)
{
	buf_add_str(out, "{\"name\":");
	ollama_add_name(m->id, out);
	buf_add_str(out, ",\"model\":");
	ollama_add_name(m->id, out);
	buf_add_str(out, ",\"digest\":\"");
	add_digest(m, out);
	buf_printf(out, "\",\"size\":%lld,", (long long)MAX(m->size_bytes, 0));
	add_details(m, out);
}

void ollama_add_entry(const struct model *m, struct buf *out)
{
	add_identity(m, out);
	buf_add_str(out, ",\"modified_at\":");
	ollama_add_time(MAX(m->modified_at, 0), out);
	add_capabilities(m, out);
	buf_add_char(out, '}');
}

/* Loaded for good is far off, but a date that all clients can read. */
static void add_loaded(const struct model *m, struct buf *out)
{
	const int64_t far = INT64_C(100) * 366 * 86400000;
	int64_t now = clock_now_ms(), until = m->loaded_until > 0 ? MIN(m->loaded_until, now + far) : now + 300000;

	add_identity(m, out);
	buf_add_str(out, ",\"expires_at\":");
	ollama_add_time(until, out);
	buf_printf(out, ",\"size_vram\":%lld,\"context_length\":%lld}", (long long)MAX(m->loaded_vram, 0),
		(long long)(m->context_loaded > 0   ? m->context_loaded
			    : m->context_length > 0 ? m->context_length
						    : CONTEXT_UNKNOWN));
}

/* ---- show ---- */

static bool has(const struct model *m, const char *capability)
{
	return m->capabilities && m->capabilities[0] && model_can(m, capability);
}

/* "8.0B" as a number; 0: not said. */
static double count_parameters(const char *text)
{
	char *unit;
	double n = text ? strtod(text, &unit) : 0;

	if (!(n > 0 && n < 1e6))
		return 0;
	switch (*unit) {
	case 'K':
		return n * 1e3;
	case 'M':
		return n * 1e6;
	case 'B':
		return n * 1e9;
	case 'T':
		return n * 1e12;
	default:
		return 0;
	}
}

static void add_info(const struct model *m, struct buf *out)
{
	double n = count_parameters(m->parameters);
	char key[200];

	buf_add_str(out, ",\"model_info\":{\"general.architecture\":");
	json_add_cstr(out, family_of(m));
	buf_add_str(out, ",\"general.basename\":");
	json_add_cstr(out, m->name ? m->name : m->id);
	if (n > 0)
		buf_printf(out, ",\"general.parameter_count\":%.0f", n);
	snprintf(key, sizeof(key), "%.150s.context_length", family_of(m));
	buf_add_char(out, ',');
	json_add_cstr(out, key);
	buf_printf(out, ":%lld}", (long long)(m->context_length > 0 ? m->context_length : CONTEXT_UNKNOWN));
}

/* Clients look for ".Suffix" in the template to see whether the model fills gaps. */
void ollama_add_show(const struct model *m, struct buf *out)
{
	buf_printf(out, "{\"license\":\"\",\"modelfile\":\"\",\"parameters\":\"\",\"template\":\"{{ .Prompt }}%s\",",
		has(m, "insert") ? "{{ .Suffix }}" : "");
	add_details(m, out);
	add_info(m, out);
	add_capabilities(m, out);
	buf_add_str(out, ",\"modified_at\":");
	ollama_add_time(MAX(m->modified_at, 0), out);
	buf_add_char(out, '}');
}

/* ---- handlers ---- */

static int ollama_version_get(struct request *q)
{
	buf_add_str(&q->raw, "{\"version\":\"" VERSION "\"}");
	return 0;
}

static int add_list(struct request *q, bool loaded)
{
	struct catalogue all;
	bool first = true;
	int r = gw_models(q, &all);

	if (r < 0)
		return r;
	buf_add_str(&q->raw, "{\"models\":[");
	for (size_t i = 0; i < all.n_models; i++) {
		const struct model *m = &all.models[i];

		if (loaded && m->loaded_bytes <= 0 && m->loaded_until <= 0)
			continue;
		if (!first)
			buf_add_char(&q->raw, ',');
		first = false;
		(loaded ? add_loaded : ollama_add_entry)(m, &q->raw);
	}
	buf_add_str(&q->raw, "]}");
	return 0;
}

static int ollama_tags_get(struct request *q)
{
	return add_list(q, false);
}

static int ollama_ps_get(struct request *q)
{
	return add_list(q, true);
}

static int ollama_show_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *body = NULL;
	const char *name = NULL;
	struct model m;
	int r;

	if ((r = gw_body(q, false, &body)) < 0 || (r = ollama_model_name(q, body, &name)) < 0)
		return r;
	if ((r = gw_model(q, name, &m)) < 0)
		return ollama_say(q, name, r);
	ollama_add_show(&m, &q->raw);
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", "/api/version", "ollamaVersion", ollama_version_get, ACCESS_PUBLIC, ROUTE_LOOP, OLLAMA,
		.summary = "The version of Ollama whose interface this is."},
	{"GET", "/api/tags", "ollamaTags", ollama_tags_get, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		.summary = "All models that the key may use, in the way of Ollama."},
	{"GET", "/api/ps", "ollamaPs", ollama_ps_get, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		.summary = "The models that are loaded."},
	{"POST", "/api/show", "ollamaShow", ollama_show_post, ACCESS_USER, ROUTE_GATEWAY, OLLAMA,
		FAILS(E_NOT_FOUND, E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.body_schema = GW_MODEL_BODY, .summary = "What is known of a model."},
};
/* clang-format on */
const struct route_set ollama_models_routes = ROUTES(routes);
