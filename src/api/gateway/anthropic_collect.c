/* anthropic_collect.c - the one message that a stream of events tells: for a client that wants no stream. */
#include <errno.h>

#include "api/gateway/anthropic.h"

struct block {
	json_t *v;
	struct buf text; /* pieces of text, thinking or input */
	const char *key; /* where the pieces belong; NULL: there were none */
};

struct collected {
	json_t *v; /* NULL: not begun */
	struct block *blocks;
	size_t n;
};

static void message_done(struct collected *m)
{
	for (size_t i = 0; i < m->n; i++) {
		json_decref(m->blocks[i].v);
		buf_done(&m->blocks[i].text);
	}
	free(m->blocks);
	json_decref(m->v);
}

static bool is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

static int add_block(struct collected *m, json_t *v)
{
	struct block *more = realloc(m->blocks, (m->n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	m->blocks = more;
	m->blocks[m->n++] = (struct block){.v = json_copy(v), .text = BUF_INIT(REQUEST_MEMORY)};
	return 0;
}

static int add_delta(struct block *b, const json_t *delta)
{
	static const struct {
		const char *type, *from, *to;
	} kinds[] = {{"text_delta", "text", "text"}, {"thinking_delta", "thinking", "thinking"},
		{"input_json_delta", "partial_json", "input"}};
	const char *type = json_get_str(delta, "type");
	json_t *item;

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		if (is(type, kinds[i].type)) {
			const char *piece = json_get_str(delta, kinds[i].from);

			b->key = kinds[i].to;
			buf_add_str(&b->text, piece ? piece : "");
		}
	}
	if (is(type, "compaction_delta") && json_is_string(json_object_get(delta, "content"))) {
		b->key = "content";
		buf_add_str(&b->text, json_get_str(delta, "content"));
	}
	if (is(type, "compaction_delta") && json_is_string(json_object_get(delta, "encrypted_content")))
		json_object_set(b->v, "encrypted_content", json_object_get(delta, "encrypted_content"));
	if (is(type, "signature_delta"))
		json_object_set(b->v, "signature", json_object_get(delta, "signature"));
	if (is(type, "citations_delta") && (item = json_object_get(delta, "citation")) != NULL) {
		if (!json_is_array(json_object_get(b->v, "citations")))
			json_object_set_new(b->v, "citations", json_array());
		json_array_append(json_object_get(b->v, "citations"), item);
	}
	return buf_status(&b->text);
}

/* 1: the block is whole; 0: it is a call whose arguments were cut off, which is not told. `last` of a message that was
 * cut: then arguments that did not come are missing, else there are none. */
static int finish_block(struct block *b, bool cut, bool last)
{
	CLEANUP(json_decrefp) json_t *input = NULL;
	bool call = is(json_get_str(b->v, "type"), "tool_use");

	if (b->key && !is(b->key, "input"))
		json_object_set_new(b->v, b->key, json_stringn(buf_str(&b->text).p, b->text.n));
	if (b->key && is(b->key, "input") && b->text.n > 0) {
		if (json_read(b->text.p, b->text.n, JSON_MEMORY, JSON_READ_EXACT, &input, NULL) == 0 &&
			json_is_object(input))
			return json_object_set(b->v, "input", input) == 0 ? 1 : -ENOMEM;
		return cut ? 0 : E_PROVIDER_BROKEN;
	}
	return !(call && cut && last && json_object_size(json_object_get(b->v, "input")) == 0);
}

static int add_blocks(struct collected *m)
{
	const char *reason = json_get_str(m->v, "stop_reason");
	bool cut = is(reason, "max_tokens") || is(reason, "refusal") || is(reason, "model_context_window_exceeded");
	json_t *content = json_array();
	int r = 0;

	json_object_set_new(m->v, "content", content);
	for (size_t i = 0; i < m->n && r >= 0; i++) {
		r = finish_block(&m->blocks[i], cut, i + 1 == m->n);
		if (r > 0)
			json_array_append(content, m->blocks[i].v);
	}
	return r < 0 ? r : 0;
}

/* Figures are of all so far; null means unchanged. */
static void merge(json_t *into, const json_t *from)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)from, key, v)
	{
		if (!json_is_null(v) || !json_object_get(into, key))
			json_object_set(into, key, v);
	}
}

static int take(struct collected *m, const json_t *event)
{
	const char *type = json_get_str(event, "type");
	json_t *v;
	size_t i = (size_t)json_get_i64(event, "index", -1);

	if (is(type, "message_start") && !m->v) {
		v = json_object_get(event, "message");
		m->v = json_is_object(v) ? json_deep_copy(v) : NULL;
	} else if (is(type, "content_block_start")) {
		v = json_object_get(event, "content_block");
		return json_is_object(v) && i == m->n ? add_block(m, v) : E_PROVIDER_BROKEN;
	} else if (is(type, "content_block_delta")) {
		return i < m->n ? add_delta(&m->blocks[i], json_object_get(event, "delta")) : E_PROVIDER_BROKEN;
	} else if (is(type, "message_delta") && m->v) {
		if (!json_is_object(json_object_get(m->v, "usage")))
			json_object_set_new(m->v, "usage", json_object());
		merge(m->v, json_object_get(event, "delta"));
		merge(json_object_get(m->v, "usage"), json_object_get(event, "usage"));
	}
	return 0;
}

/* The data of one event, which Anthropic writes on one line. */
static int take_line(struct collected *m, struct str line)
{
	CLEANUP(json_decrefp) json_t *event = NULL;

	if (!str_starts(line, STR("data:")))
		return 0;
	line.p += 5;
	line.n -= 5;
	if (json_read(line.p, line.n, JSON_MEMORY, JSON_READ_EXACT, &event, NULL) < 0)
		return E_PROVIDER_BROKEN;
	return take(m, event);
}

static int collect(struct collected *m, struct str stream, struct buf *out)
{
	int r;

	while (stream.n > 0) {
		const char *lf = memchr(stream.p, '\n', stream.n);
		size_t n = lf ? (size_t)(lf - stream.p) : stream.n, used = lf ? n + 1 : n;

		r = take_line(m, (struct str){stream.p, n});
		if (r < 0)
			return r;
		stream.p += used;
		stream.n -= used;
	}
	if (!m->v)
		return E_PROVIDER_BROKEN;
	r = add_blocks(m);
	json_add_value(out, m->v);
	return r;
}

int anthropic_collect(struct str stream, struct buf *out)
{
	struct collected m = {0};
	int r = collect(&m, stream, out);

	message_done(&m);
	return r;
}
