/*
 * librarian.c - the built-in provider: no language model, but somebody who looks things up in the manual and quotes what
 * was found. It runs on the calling thread and needs no network.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "provider/provider_priv.h"

#define PASSAGES      3
#define PASSAGE_BYTES 1200
#define PIECES_MAX    150 /* at 8 ms each, a whole answer takes 1.2 s */
#define PIECE_BYTES   24
#define PIECE_MS      8
#define QUERY_BYTES   2000

struct librarian {
	struct gen_sink *sink;
	struct cancel *cancel;
	int64_t start_ms, first_token_ms, bytes;
};

/* The end of a piece of at least `want` bytes: behind a word and between two characters. */
static size_t piece_end(const char *p, size_t n, size_t want)
{
	if (n <= want)
		return n;
	for (size_t i = want; i < n && i < want + 40; i++)
		if (p[i] == ' ' || p[i] == '\n')
			return i + 1;
	size_t whole = utf8_prefix(p, n, want);
	return whole > 0 ? whole : n;
}

static int say(struct librarian *l, const char *p, size_t n, size_t piece)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	while (n > 0) {
		size_t k = piece_end(p, n, piece);
		buf_reset(&b);
		buf_add_str(&b, "{\"text\":");
		json_add_string(&b, p, k);
		buf_add_char(&b, '}');
		int r = buf_status(&b);
		if (r < 0)
			return r;
		if (l->first_token_ms < 0)
			l->first_token_ms = clock_mono_ms() - l->start_ms;
		l->bytes += (int64_t)k;
		r = l->sink->event(l->sink, false, EV_TEXT, b.p, b.n);
		if (r >= 0)
			r = cancel_sleep(l->cancel, PIECE_MS);
		if (r < 0)
			return r;
		p += k;
		n -= k;
	}
	return 0;
}

static const char *text_of(const char *s)
{
	return s ? s : "";
}

/* How much of a passage is quoted; what is too long ends at a line or a word. */
static size_t quoted_bytes(const char *p)
{
	size_t n = strlen(p);
	if (n > PASSAGE_BYTES) {
		n = utf8_prefix(p, n, PASSAGE_BYTES);
		while (n > PASSAGE_BYTES - 200 && p[n - 1] != '\n' && p[n - 1] != ' ')
			n--;
	}
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == ' '))
		n--;
	return n;
}

static int cite(struct librarian *l, size_t number, const struct manual_passage *m)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	const char *body = text_of(m->body);
	buf_printf(&b, "{\"n\":%zu,\"title\":", number);
	json_add_cstr(&b, text_of(m->title));
	buf_add_str(&b, ",\"url\":");
	json_add_cstr(&b, text_of(m->url));
	buf_add_str(&b, ",\"quote\":");
	json_add_string(&b, body, quoted_bytes(body));
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	return r < 0 ? r : l->sink->event(l->sink, false, EV_CITATION, b.p, b.n);
}

/* The passage as a Markdown quotation. */
static void add_passage(struct buf *b, size_t number, const struct manual_passage *m)
{
	const char *heading = *text_of(m->heading) ? m->heading : text_of(m->title), *p = text_of(m->body);
	size_t n = quoted_bytes(p);
	bool cut = strlen(p) > PASSAGE_BYTES;
	buf_printf(b, "> **%s** [%zu]\n>\n", heading, number);
	for (const char *end = p + n; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		buf_add_str(b, stop > p ? "> " : ">");
		buf_add(b, p, (size_t)(stop - p));
		buf_add_char(b, '\n');
		p = stop + 1;
	}
	buf_add_str(b, cut ? ">\n> …\n\n" : "\n");
}

static const char *last_question(const struct gen_request *q)
{
	for (size_t i = q->n_messages; i > 0; i--)
		if (strcmp(q->messages[i - 1].role, "user") == 0)
			return text_of(q->messages[i - 1].content);
	return "";
}

static const char intro[] = "I am the Librarian. I quote Atelier's manual and am not a language model.\n\n";
static const char nothing[] = "I found nothing in the manual for this question. You can ask me, for example:\n\n"
			      "- How do I connect Ollama or another server with models?\n"
			      "- How do I add people, and what may an administrator do?\n"
			      "- What settings are there, and where do they stand?\n"
			      "- How do I back up Atelier, or move it to another machine?\n"
			      "- Which keys and shortcuts does the page have?\n\n";
static const char connect_hint[] = "To talk with a real model, start Ollama (`ollama serve`) or set `OPENAI_BASE_URL` "
				   "to an OpenAI-compatible server.\n";

static int answer(struct librarian *l, const struct manual_passage *found, size_t n, bool hint)
{
	CLEANUP(buf_done) struct buf parts = BUF_INIT(1 << 20);
	size_t starts[PASSAGES + 1] = {0};
	buf_add_str(&parts, intro);
	for (size_t i = 0; i < n; i++) {
		starts[i] = parts.n;
		add_passage(&parts, i + 1, &found[i]);
	}
	starts[n] = parts.n;
	if (n == 0)
		buf_add_str(&parts, nothing);
	if (hint)
		buf_add_str(&parts, connect_hint);
	int r = buf_status(&parts);
	if (r < 0)
		return r;
	size_t piece = MAX(PIECE_BYTES, parts.n / PIECES_MAX + 1), at = 0;
	for (size_t i = 0; i < n; i++) {
		r = say(l, parts.p + at, starts[i] - at, piece);
		if (r >= 0)
			r = cite(l, i + 1, &found[i]);
		if (r < 0)
			return r;
		at = starts[i];
	}
	return say(l, parts.p + at, parts.n - at, piece);
}

void librarian_set_manual(struct providers *ps, manual_search_fn search, void *arg)
{
	ps->manual_search = search;
	ps->manual_arg = arg;
}

static int librarian_generate(struct providers *ps, const struct gen_request *q, struct gen_sink *sink,
	struct cancel *cancel, struct gen_result *ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct librarian l = {.sink = sink, .cancel = cancel, .start_ms = clock_mono_ms(), .first_token_ms = -1};
	struct manual_passage *found = NULL;
	size_t n = 0;
	int r = 0;
	arena_init(&a, 4 << 20);
	const char *question = last_question(q);
	char *query = arena_strndup(&a, question, utf8_prefix(question, strlen(question), QUERY_BYTES));
	if (!query)
		r = -ENOMEM;
	else if (ps->manual_search && *query)
		r = ps->manual_search(ps->manual_arg, query, PASSAGES, &a, &found, &n, e);
	if (r >= 0)
		r = answer(&l, found, MIN(n, (size_t)PASSAGES), !catalogue_has_real_model(ps));
	*ret = (struct gen_result){.tokens_in = -1,
		.tokens_out = -1,
		.answer_bytes = l.bytes,
		.first_token_ms = l.first_token_ms,
		.duration_ms = clock_mono_ms() - l.start_ms};
	if (r < 0)
		return r == -ECANCELED ? r : err_set(e, r, "The Librarian could not answer.");
	memcpy(ret->finish_reason, "stop", 5);
	return 0;
}

static int librarian_list(struct model_list *l)
{
	static const char *const capabilities[] = {"completion", NULL};
	l->models = ARENA_NEW(&l->arena, struct model);
	if (!l->models)
		return -ENOMEM;
	l->models[0] = (struct model){.id = "librarian", .name = "Librarian", .capabilities = capabilities};
	l->n = 1;
	return 0;
}

const struct dialect librarian_dialect = {
	.kind = "librarian",
	.generate = librarian_generate,
	.fixed_list = librarian_list,
};
