/*
 * thoughts.c - what a provider says of the reasoning of an answer, to be given back to it as it was: the list that OpenRouter
 * calls `reasoning_details`, with texts, summaries, signatures and what is encrypted. In a stream its items come in pieces.
 */
#include "provider/provider_priv.h"

#define THOUGHTS_MAX   256
#define THOUGHTS_BYTES 262144u /* of all as JSON; of an answer with more nothing is kept */

/* Those members that a further piece goes on with; of the others the last that says something counts. */
static const char *const grows[] = {"text", "summary"};

struct thought {
	json_t *rest;
	struct buf text[N_ELEMENTS(grows)];
	bool has[N_ELEMENTS(grows)];
};

struct answer_thoughts {
	struct thought all[THOUGHTS_MAX];
	size_t n, bytes;
	bool lost;
};

void answer_thoughts_done(struct answer *s)
{
	for (size_t i = 0; s->thoughts && i < s->thoughts->n; i++) {
		struct thought *t = &s->thoughts->all[i];
		json_decref(t->rest);
		for (size_t k = 0; k < N_ELEMENTS(grows); k++)
			buf_done(&t->text[k]);
	}
	free(s->thoughts);
	s->thoughts = NULL;
}

static bool is_encrypted(const json_t *item)
{
	return json_get_str(item, "data") != NULL;
}

static bool is_same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
	return x == y || json_equal(x, y);
}

/* Ids are said with the first piece alone, or with all. */
static bool may_have_id_of(const json_t *a, const json_t *b)
{
	return !json_get_str(a, "id") || !json_get_str(b, "id") || is_same(a, b, "id");
}

/* The item that a piece goes on with: of its kind and index; without an index only the last one. */
static struct thought *continued(struct answer_thoughts *l, const json_t *piece)
{
	bool numbered = json_is_integer(json_object_get(piece, "index"));
	for (size_t i = l->n; i-- > 0;) {
		struct thought *t = &l->all[i];
		if (is_same(t->rest, piece, "type") && is_same(t->rest, piece, "index") &&
			may_have_id_of(t->rest, piece) && !is_encrypted(piece) && !is_encrypted(t->rest))
			return t;
		if (!numbered)
			break;
	}
	return NULL;
}

/* Some servers send what is encrypted when it begins and when it ends. */
static bool is_repeated(const struct answer_thoughts *l, const json_t *piece)
{
	bool ret = false;
	for (size_t i = 0; i < l->n && !ret && is_encrypted(piece); i++)
		ret = is_same(l->all[i].rest, piece, "data") && is_same(l->all[i].rest, piece, "type");
	return ret;
}

static size_t size_of(const json_t *v)
{
	return v ? json_dumpb(v, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) : 0;
}

/* Most pieces say again what the item has already: that is kept once, and counts once. */
static void set_member(struct answer_thoughts *l, struct thought *t, const char *key, json_t *v)
{
	const json_t *had = json_object_get(t->rest, key);
	if (had && (json_is_null(v) || json_equal(had, v)))
		return;
	l->bytes += had ? 0 : strlen(key) + strlen("\"\":,");
	l->bytes += size_of(v);
	l->bytes -= size_of(had);
	json_object_set(t->rest, key, v);
}

static void add_piece(struct answer_thoughts *l, struct thought *t, const json_t *piece)
{
	CLEANUP(json_decrefp) json_t *rest = json_copy((json_t *)(uintptr_t)piece);
	const char *key;
	json_t *v;
	for (size_t k = 0; k < N_ELEMENTS(grows); k++) {
		const json_t *text = json_object_get(piece, grows[k]);
		if (!json_is_string(text) || json_long_number(text)) {
			if (t->has[k]) /* null behind the words, as with a signature */
				json_object_del(rest, grows[k]);
			continue;
		}
		t->has[k] = true;
		l->bytes += size_of(text) - strlen("\"\"");
		buf_add(&t->text[k], json_string_value(text), json_string_length(text));
		json_object_del(rest, grows[k]);
		json_object_del(t->rest, grows[k]); /* null so far */
	}
	json_object_foreach(rest, key, v)
	{
		set_member(l, t, key, v);
	}
}

static void take_item(struct answer_thoughts *l, const json_t *piece)
{
	struct thought *t = continued(l, piece);
	if (l->lost || is_repeated(l, piece))
		return;
	l->lost = !t && l->n == THOUGHTS_MAX;
	if (l->lost)
		return;
	if (!t) {
		t = &l->all[l->n++];
		*t = (struct thought){.rest = json_object()};
		for (size_t k = 0; k < N_ELEMENTS(grows); k++)
			t->text[k] = BUF_INIT(THOUGHTS_BYTES);
	}
	add_piece(l, t, piece);
	l->lost = l->bytes > THOUGHTS_BYTES;
}

void answer_thoughts(struct answer *s, const json_t *list)
{
	if (json_array_size(list) == 0 || !s->provider || s->raw)
		return;
	if (!s->thoughts)
		s->thoughts = xcalloc(1, sizeof(*s->thoughts));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_object(json_array_get(list, i)))
			take_item(s->thoughts, json_array_get(list, i));
}

static void add_item(struct buf *b, const struct thought *t)
{
	json_add_value(b, t->rest);
	for (size_t k = 0; k < N_ELEMENTS(grows); k++) {
		if (!t->has[k])
			continue;
		b->n--; /* its closing brace moves behind them */
		buf_printf(b, "%s\"%s\":", b->p[b->n - 1] == '{' ? "" : ",", grows[k]);
		json_add_string(b, buf_str(&t->text[k]).p, t->text[k].n);
		buf_add_char(b, '}');
	}
}

/* Words alone are the reasoning itself, which stays behind; but with calls they are gone on from. */
static bool is_worth_keeping(const struct answer *s)
{
	bool ret = s->calls && s->thoughts->n > 0;
	for (size_t i = 0; i < s->thoughts->n && !ret; i++) {
		const char *signature = json_get_str(s->thoughts->all[i].rest, "signature");
		ret = is_encrypted(s->thoughts->all[i].rest) || (signature && *signature);
	}
	return ret;
}

/* Everybody who keeps an answer reads its events strictly; what this provider says for itself is not worth an answer. */
static bool is_readable(const struct buf *b)
{
	CLEANUP(json_decrefp) json_t *event = NULL;
	return json_parse(b->p, b->n, &event, NULL) == 0;
}

int answer_thoughts_finish(struct answer *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(LINE_MAX_BYTES);
	const struct answer_thoughts *l = s->thoughts;
	if (!l || l->lost || !is_worth_keeping(s))
		return 0;
	buf_add_str(&b, "{\"provider\":");
	json_add_cstr(&b, s->provider);
	buf_add_str(&b, ",\"items\":[");
	for (size_t i = 0; i < l->n; i++) {
		buf_add_str(&b, i ? "," : "");
		add_item(&b, &l->all[i]);
	}
	buf_add_str(&b, "]}");
	int r = buf_status(&b);
	return r < 0 || !is_readable(&b) ? r : answer_emit(s, EV_THOUGHTS, b.p, b.n);
}
