/*
 * extras.c - members of a request that this gateway gives no meaning to. A provider of the request's own shape gets them
 * as they stand; where there is none, the answer says in a header and in its body which ones had no effect.
 */
#include "api/gateway/gateway_priv.h"

bool gw_word_in(const char *const *words, const char *word)
{
	for (; *words; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

bool gw_ends_with(const char *s, const char *end)
{
	size_t n = s ? strlen(s) : 0, k = strlen(end);

	return n > k && strcmp(s + n - k, end) == 0;
}

static bool is_nothing(const json_t *v)
{
	return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && json_array_size(v) == 0) ||
	       (json_is_string(v) && json_string_length(v) == 0 && !json_long_number(v));
}

static void ignore_within(struct gw_call *c, const char *within, const char *name)
{
	gw_ignore(c, within ? arena_printf(&c->q->mem, "%s.%.60s", within, name) : name);
}

void gw_ignore_extras(struct gw_call *c, const json_t *from, const char *within, const char *const *known)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)from, key, v)
	{
		if (!gw_word_in(known, key) && !is_nothing(v))
			ignore_within(c, within, key);
	}
}

int gw_read_extras(struct gw_call *c, const json_t *from, const char *within, unsigned api, const char *const *known,
	const char **ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);
	const char *key;
	json_t *v;

	*ret = NULL;
	if (!gw_target_can(c, api)) {
		gw_ignore_extras(c, from, within, known);
		return 0;
	}
	json_object_foreach((json_t *)from, key, v)
	{
		if (gw_word_in(known, key) || json_is_null(v))
			continue;
		buf_add_char(&b, ',');
		json_add_cstr(&b, key);
		buf_add_char(&b, ':');
		json_add_value(&b, v);
	}
	if (b.n == 0)
		return buf_status(&b);
	*ret = buf_status(&b) == 0 ? arena_strndup(&c->q->mem, b.p, b.n) : NULL;
	return *ret ? 0 : request_no_memory(c->q);
}

void gw_add_call_extras(const struct gw_call *c, const struct made_call *m, struct buf *out)
{
	const struct gen_answer *a = &c->answer;
	bool thought = m == a->calls && a->thoughts_of;

	if (!m->extras_of && !thought)
		return;
	buf_add_str(out, ",\"atelier\":{\"provider\":");
	json_add_cstr(out, m->extras_of ? m->extras_of : a->thoughts_of);
	buf_add(out, buf_str(&m->extras).p, m->extras.n);
	if (thought) {
		buf_add_str(out, ",\"reasoning_details\":");
		buf_add(out, buf_str(&a->thoughts).p, a->thoughts.n);
	}
	buf_add_char(out, '}');
}

int gw_read_call_extras(struct gw_call *c, const json_t *item, struct gen_tool_call *ret)
{
	/* What a call says by itself would be there twice. */
	static const char *const known[] = {
		"id", "type", "index", "function", "provider", "reasoning_details", "atelier", NULL};
	const json_t *extras = json_object_get(item, "atelier"),
		     *thoughts = json_object_get(extras, "reasoning_details");

	if (!json_is_object(extras))
		return 0;
	ret->extras_of = json_get_str(extras, "provider");
	int r = json_array_size(thoughts) > 0 ? gw_json_text(c, thoughts, &ret->thoughts) : 0;
	return r < 0 || !gw_target_can(c, API_OPENAI)
		       ? r
		       : gw_read_extras(c, extras, NULL, API_OPENAI, known, &ret->extras);
}

/* What is taken for granted of a model that is not known, since nearly all can it. */
#define USUAL (API_ADDRESSES | API_ONE_TOOL | API_SAMPLING)

/* Looks the model up once; false: it is not known. */
static bool target_known(struct gw_call *c)
{
	struct err ignored = {0};
	struct model m;

	if (!c->known && c->q->api && c->q->api->c.providers &&
		providers_model(c->q->api->c.providers, c->req.model, &c->q->mem, &m, &ignored) == 0) {
		c->known = true;
		c->api = m.api;
		c->sees = m.api & API_SILENT_LIST || model_can(&m, "vision");
		c->thinks = model_can(&m, "thinking");
		c->max_output = m.max_output;
	}
	return c->known;
}

bool gw_target_can(struct gw_call *c, unsigned api)
{
	return (target_known(c) ? c->api : USUAL) & api;
}

bool gw_target_sees(struct gw_call *c)
{
	return !target_known(c) || c->sees;
}

bool gw_target_thinks(struct gw_call *c)
{
	return target_known(c) && c->thinks;
}

void gw_want_logprobs(struct gw_call *c, int64_t top)
{
	if (!gw_target_can(c, API_LOGPROBS)) {
		gw_ignore(c, "logprobs");
		return;
	}
	c->logprobs = (struct gen_logprobs){.top = top, .items = gw_flow_logprobs, .arg = c};
	c->req.logprobs = &c->logprobs;
}

/* ---- pictures that tools returned ---- */

static const char *joined(struct gw_call *c, const char *text, const char *more)
{
	return text && *text ? arena_printf(&c->q->mem, "%s\n%s", text, more) : more;
}

/* Behind the results stands a message of the user with their pictures; the user's own pictures follow. */
static int add_pictures(struct gw_call *c, const struct gen_message *from, size_t n, const struct gen_message *next,
	struct gen_message *to)
{
	size_t n_images = next ? next->n_images : 0, k = 0;
	struct gen_image *all;

	for (size_t i = 0; i < n; i++)
		n_images += from[i].n_images;
	all = ARENA_ARRAY(&c->q->mem, struct gen_image, n_images + 1);
	if (!all)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < from[i].n_images; j++)
			all[k++] = from[i].images[j];
	}
	for (size_t j = 0; j < k; j++)
		all[j].at = all[j].gap = 0;
	for (size_t j = 0; next && j < next->n_images; j++)
		all[k++] = next->images[j];
	ASSERT(k == n_images);
	*to = next ? *next : (struct gen_message){.role = "user", .content = ""};
	to->images = all;
	to->n_images = k;
	return 0;
}

/* The results from `i` on: how many there are, and whether one has pictures. */
static size_t results_from(const struct gen_request *q, size_t i, bool *ret_pictures)
{
	size_t n = 0;

	*ret_pictures = false;
	for (; i + n < q->n_messages && gen_is_role(&q->messages[i + n], "tool"); n++)
		*ret_pictures = *ret_pictures || q->messages[i + n].n_images > 0;
	return n;
}

int gw_part_thoughts(struct gw_call *c)
{
	const struct gen_request *q = &c->req;
	struct gen_message *out = NULL;

	if ((q->raw && gw_target_can(c, q->raw->api)) || provider_asks_for_tags(q))
		return 0;
	for (size_t i = 0; i + (q->continues ? 1 : 0) < q->n_messages; i++) {
		struct gen_message m = q->messages[i];

		if (!gen_is_role(&m, "assistant") || !provider_part_thoughts(&m, &c->q->mem))
			continue;
		if (!out && !(out = ARENA_ARRAY(&c->q->mem, struct gen_message, q->n_messages)))
			return request_no_memory(c->q);
		if (q->messages != out)
			memcpy(out, q->messages, q->n_messages * sizeof(*out));
		out[i] = m;
		c->req.messages = out;
	}
	if (out)
		gw_change(c, "messages.content", "reasoning");
	return 0;
}

int gw_settle_pictures(struct gw_call *c)
{
	const struct gen_request *q = &c->req;
	struct gen_message *out = ARENA_ARRAY(&c->q->mem, struct gen_message, 2 * q->n_messages + 1);
	size_t n_out = 0;
	bool any = false, pictures;

	for (size_t i = 0; i < q->n_messages; i++)
		any = any || (gen_is_role(&q->messages[i], "tool") && q->messages[i].n_images > 0);
	if (!any || (gw_target_sees(c) && gw_target_can(c, API_RESULT_FILES)))
		return 0;
	if (!out)
		return request_no_memory(c->q);
	for (size_t i = 0; i < q->n_messages;) {
		size_t n = results_from(q, i, &pictures);

		if (n == 0 || !pictures) {
			n = MAX(n, (size_t)1);
			memcpy(out + n_out, q->messages + i, n * sizeof(*out));
			n_out += n;
			i += n;
			continue;
		}
		for (size_t k = 0; k < n; k++) {
			struct gen_message *m = &out[n_out++];

			*m = q->messages[i + k];
			if (m->n_images == 0)
				continue;
			if (!gw_target_sees(c))
				m->content = joined(
					c, m->content, "(The result has a picture, which this model cannot see.)");
			else if (!m->content || !*m->content)
				m->content = "(The result is the picture that follows.)";
			if (!m->content)
				return request_no_memory(c->q);
			m->images = NULL;
			m->n_images = 0;
		}
		if (gw_target_sees(c)) {
			const struct gen_message *next = i + n < q->n_messages ? &q->messages[i + n] : NULL;
			bool users = next && gen_is_role(next, "user");
			int r = add_pictures(c, q->messages + i, n, users ? next : NULL, &out[n_out++]);

			if (r < 0)
				return r;
			i += users;
		}
		i += n;
	}
	ASSERT(n_out <= 2 * q->n_messages); /* at most one more behind each */
	c->req.messages = out;
	c->req.n_messages = n_out;
	return 0;
}
