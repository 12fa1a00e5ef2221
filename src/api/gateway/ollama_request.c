/* ollama_request.c - requests of /api/chat and /api/generate. */
#include "api/gateway/ollama.h"

static bool is_set(const json_t *v)
{
	return v && !json_is_null(v) && !json_is_false(v) && !(json_is_string(v) && json_string_length(v) == 0) &&
	       !(json_is_array(v) && json_array_size(v) == 0);
}

int ollama_read_stream(struct gw_call *c)
{
	const json_t *v = json_object_get(c->body, "stream");

	if (v && !json_is_null(v) && !json_is_boolean(v))
		return err_set(&c->q->err, E_INVALID, "\"stream\" must be true or false.");
	c->stream = !json_is_false(v);
	return 0;
}

/* ---- keep_alive ---- */

/* One or more numbers with units, as Go writes durations. */
static bool duration_is_valid(const char *s, bool *ret_zero)
{
	static const char *const units[] = {"ns", "us", "ms", "s", "m", "h"};

	*ret_zero = true;
	if (!*s)
		return false;
	if (strcmp(s, "0") == 0)
		return true;
	while (*s) {
		size_t n = strspn(s, "0123456789."), unit = 0;

		if (n == 0 || *s == '.')
			return false;
		*ret_zero = *ret_zero && strspn(s, "0.") == n;
		s += n;
		for (size_t i = 0; i < N_ELEMENTS(units) && unit == 0; i++) {
			if (strncmp(s, units[i], strlen(units[i])) == 0)
				unit = strlen(units[i]);
		}
		if (unit == 0)
			return false;
		s += unit;
	}
	return true;
}

int ollama_check_keep_alive(const json_t *v, bool *ret_unload, bool *ret_for_good, struct err *e)
{
	const char *text = json_string_value(v);
	bool zero = false, negative = false;

	*ret_unload = *ret_for_good = false;
	if (!v || json_is_null(v) || (text && !*text))
		return 0;
	if (json_is_number(v)) {
		negative = json_number_value(v) < 0;
		zero = !negative && !(json_number_value(v) > 0);
	} else {
		negative = text && *text == '-';
		if (!text || !duration_is_valid(text + (negative || *text == '+'), &zero))
			return err_set(e, E_INVALID,
				"\"keep_alive\" must be seconds as a number, or a duration with a unit like \"5m\".");
	}
	*ret_unload = zero;
	*ret_for_good = negative && !zero;
	return 0;
}

bool ollama_may_manage(const struct request *q)
{
	return (q->who.scopes & AUTH_SCOPE_MODELS) && user_is_admin(&q->who.user);
}

int ollama_read_keep_alive(struct gw_call *c, const char **ret)
{
	const json_t *v = json_object_get(c->body, "keep_alive");
	bool ends, for_good;
	int r = ollama_check_keep_alive(v, &ends, &for_good, &c->q->err);

	if (r < 0 || !is_set(v))
		return r;
	if ((ends || for_good) && !ollama_may_manage(c->q)) {
		gw_ignore(c, "keep_alive");
		return 0;
	}
	return gw_json_text(c, v, ret);
}

/* ---- options ---- */

/* A number, cut to a whole one; anything negative means "no limit" and leaves it. */
static int read_count(struct gw_call *c, const json_t *options, const char *name, int64_t *ret)
{
	const json_t *v = json_object_get(options, name);

	if (!v || json_is_null(v))
		return 0;
	double d;
	if (!json_get_number(v, &d))
		return err_set(&c->q->err, E_INVALID, "option \"%s\" must be of type integer", name);
	if (d > 0 && d < 1e12)
		*ret = (int64_t)d;
	return 0;
}

/* Some are of the sampling, which all models have; the others only an Ollama knows the meaning of. */
static int read_options(struct gw_call *c, const json_t *options)
{
	static const char *const known[] = {"temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty",
		"frequency_penalty", "repeat_penalty", "stop", "num_predict", "num_ctx", NULL};
	struct gen_sampling *s = &c->req.sampling;
	const json_t *stop = json_object_get(options, "stop");
	int r;

	c->req.extras_api = API_OLLAMA;
	if (!options || json_is_null(options))
		return 0;
	if (!json_is_object(options))
		return err_set(&c->q->err, E_INVALID, "\"options\" must be an object.");
	if ((r = gw_read_sampling(c, options, s)) < 0 || (stop && (r = gw_read_stop(c, stop, &c->req.stop)) < 0) ||
		(r = read_count(c, options, "num_predict", &c->req.max_tokens)) < 0)
		return r;
	if ((s->set & SAMPLE_SEED) && strcmp(s->seed, "-1") == 0)
		s->set &= ~(unsigned)SAMPLE_SEED; /* by chance */
	if ((r = read_count(c, options, "num_ctx", &c->req.context_tokens)) < 0)
		return r;
	return gw_read_extras(c, options, NULL, API_OLLAMA, known, &c->req.extra_options);
}

/* ---- format, think ---- */

static int read_format(struct gw_call *c)
{
	const json_t *format = json_object_get(c->body, "format");

	if (!is_set(format))
		return 0;
	if (json_is_object(format)) {
		c->req.format = FORMAT_SCHEMA;
		c->req.schema_name = "answer";
		return gw_json_text(c, format, &c->req.schema);
	}
	if (!json_is_string(format) || strcmp(json_string_value(format), "json") != 0)
		return err_set(&c->q->err, E_INVALID, "invalid format: expected \"json\" or a JSON schema");
	c->req.format = FORMAT_JSON;
	return 0;
}

static int read_think(struct gw_call *c)
{
	static const struct {
		const char *word;
		enum gen_thinking thinking;
	} levels[] = {
		{"low", THINKING_LOW}, {"medium", THINKING_MEDIUM}, {"high", THINKING_HIGH}, {"max", THINKING_HIGH}};
	const json_t *think = json_object_get(c->body, "think");
	const char *word = json_string_value(think);

	c->effort_name = "think";
	if (!think || json_is_null(think))
		return 0;
	if (json_is_boolean(think)) {
		c->req.thinking = json_is_true(think) ? THINKING_ON : THINKING_OFF;
		return 0;
	}
	for (size_t i = 0; word && i < N_ELEMENTS(levels); i++) {
		if (strcmp(word, levels[i].word) == 0) {
			c->req.thinking = levels[i].thinking;
			gw_change_effort(c, word, levels[i].thinking, 0);
			return 0;
		}
	}
	return err_set(&c->q->err, E_INVALID,
		"invalid think value: it must be true, false, \"low\", \"medium\", \"high\" or \"max\"");
}

/* Members that only an Ollama knows the meaning of. */
static int read_rest(struct gw_call *c)
{
	static const char *const members[] = {"model", "messages", "prompt", "suffix", "system", "images", "tools",
		"stream", "format", "options", "keep_alive", "think", "raw", "template", "context", "logprobs",
		"top_logprobs", NULL};

	if (json_is_true(json_object_get(c->body, "logprobs")))
		gw_want_logprobs(c, gw_whole_number(json_object_get(c->body, "top_logprobs")));
	return gw_read_extras(c, c->body, NULL, API_OLLAMA, members, &c->req.extras);
}

int ollama_read_common(struct gw_call *c)
{
	int r;

	c->req.may_truncate = json_is_true(json_object_get(c->body, "truncate"));
	if ((r = read_options(c, json_object_get(c->body, "options"))) < 0 || (r = read_format(c)) < 0 ||
		(r = read_think(c)) < 0 || (r = ollama_read_keep_alive(c, &c->req.keep_alive)) < 0)
		return r;
	return read_rest(c);
}

int ollama_read_likes(struct gw_call *c, json_t *less)
{
	static const char *const runners[] = {"main_gpu", "mirostat", "mirostat_eta", "mirostat_tau", "num_batch",
		"num_ctx", "num_gpu", "num_keep", "num_thread", "penalize_newline", "repeat_last_n", "tfs_z",
		"typical_p", "use_mmap", NULL};
	CLEANUP(json_decrefp) json_t *options = json_object();
	int r;

	json_object_update(options, json_object_get(c->body, "options"));
	for (const char *const *name = runners; *name; name++) {
		json_object_set(options, *name, json_object_get(less, *name));
		json_object_del(less, *name);
	}
	c->req.may_truncate = json_is_true(json_object_get(less, "truncate"));
	if ((r = read_options(c, options)) < 0 || (r = ollama_read_keep_alive(c, &c->req.keep_alive)) < 0)
		return r;
	json_object_del(less, "options");
	json_object_del(less, "keep_alive");
	json_object_del(less, "truncate");
	return 0;
}

/* ---- chat and generate ---- */

/* What only /api/generate knows has no effect here, as with an Ollama; which does not say so. */
static void ignore_others(struct gw_call *c)
{
	static const char *const names[] = {"prompt", "suffix", "system", "images", "raw", "template", "context"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (is_set(json_object_get(c->body, names[i])))
			gw_ignore(c, names[i]);
	}
}

int ollama_read_chat(struct gw_call *c)
{
	ignore_others(c);
	int r = ollama_read_messages(c, json_object_get(c->body, "messages"));

	return r < 0 ? r : ollama_read_tools(c, json_object_get(c->body, "tools"));
}

static int read_string(struct gw_call *c, const char *name, const char **ret)
{
	const json_t *v = json_object_get(c->body, name);

	if (v && !json_is_null(v) && !json_is_string(v))
		return err_set(&c->q->err, E_INVALID, "\"%s\" must be a string.", name);
	*ret = json_is_string(v) && json_string_length(v) > 0 ? json_string_value(v) : NULL;
	return 0;
}

/* What would make another prompt than the one that the model gets here. */
static int refuse_other_prompts(struct gw_call *c)
{
	bool raw = json_is_true(json_object_get(c->body, "raw"));
	const json_t *body = c->body;

	if (raw && (is_set(json_object_get(body, "template")) || is_set(json_object_get(body, "system")) ||
			   is_set(json_object_get(body, "context"))))
		return err_set(&c->q->err, E_INVALID, "raw mode does not support template, system, or context");
	if (is_set(json_object_get(body, "template")))
		return err_set(&c->q->err, E_MODEL_CANNOT, "The template of a model cannot be replaced here.");
	if (is_set(json_object_get(body, "context")))
		return err_set(&c->q->err, E_MODEL_CANNOT,
			"\"context\" is not kept here: send the conversation to /api/chat.");
	return 0;
}

/* A prompt with an image or system text is a question; raw, or with a gap to fill, it is text to be gone on with. */
int ollama_read_generate(struct gw_call *c)
{
	struct gen_message *m = ARENA_ARRAY(&c->q->mem, struct gen_message, 2);
	const char *prompt = NULL, *system = NULL, *suffix = NULL;
	size_t n = 0;
	int r;

	if (!m)
		return request_no_memory(c->q);
	if ((r = refuse_other_prompts(c)) < 0 || (r = read_string(c, "prompt", &prompt)) < 0 ||
		(r = read_string(c, "system", &system)) < 0 || (r = read_string(c, "suffix", &suffix)) < 0)
		return r;
	if (suffix || (prompt && json_is_true(json_object_get(c->body, "raw")))) {
		c->req.prompt = prompt ? prompt : "";
		c->req.suffix = suffix;
		c->req.raw_prompt = !suffix; /* a gap is filled by means of the template */
		if (c->req.raw_prompt && !gw_target_can(c, API_OLLAMA | API_OPENAI))
			gw_ignore(c, "raw");
		return 0;
	}
	if (system && prompt)
		m[n++] = (struct gen_message){.role = "system", .content = system};
	m[n].role = "user";
	m[n].content = prompt ? prompt : "";
	r = ollama_read_images(c, json_object_get(c->body, "images"), &m[n]);
	if (r < 0)
		return r;
	c->req.messages = m;
	c->req.n_messages = prompt || m[n].n_images > 0 ? n + 1 : 0;
	return 0;
}
