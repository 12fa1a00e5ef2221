/*
 * roles.c - who speaks in the messages of a request, made fit for a server whose template of the model is strict about it: users and
 * the assistant take turns, the system speaks first or not at all, and no answer is empty. Nobody knows before: the server
 * refuses, and what it says is the lesson (quirks.c).
 */
#include <errno.h>

#include "provider/request.h"

struct fitting {
	struct arena *a;
	struct gen_message *out;
	size_t n;
	struct gen_image *images; /* of all messages of `out`, in their order */
	size_t n_images;
	struct buf text;  /* of the last message, while others join it */
	bool joins, said; /* said: there is more than blanks in it */
};

static bool has_text(const struct gen_message *m)
{
	return str_trim(str_from(m->content)).n > 0;
}

/* An answer that was ended before it began, or in its thoughts. */
static bool is_empty(const struct gen_message *m)
{
	return gen_is_role(m, "assistant") && m->n_calls == 0 && m->n_images == 0 && !m->extras && !has_text(m);
}

/* What begins the first message: the words of the system, or of its messages. NULL: no memory. */
static const char *words_of_system(const struct gen_request *q, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(BODY_MAX_BYTES);
	for (size_t i = 0; i < q->n_messages; i++)
		if (gen_is_system(&q->messages[i]) && has_text(&q->messages[i]))
			buf_printf(&b, "%s%s", b.n ? "\n\n" : "", q->messages[i].content);
	return buf_status(&b) == 0 ? arena_strndup(a, buf_str(&b).p, b.n) : NULL;
}

static void add_images(struct fitting *f, const struct gen_message *m, size_t by)
{
	for (size_t i = 0; i < m->n_images; i++) {
		f->images[f->n_images] = m->images[i];
		f->images[f->n_images++].at += by;
	}
}

/* The last message's text is whole, and is copied once however many have joined it. */
static int end_last(struct fitting *f)
{
	if (!f->joins)
		return 0;
	struct gen_message *last = &f->out[f->n - 1];
	last->content = buf_status(&f->text) == 0 ? arena_strndup(f->a, buf_str(&f->text).p, f->text.n) : NULL;
	f->joins = false;
	return last->content ? 0 : -ENOMEM;
}

static int begin(struct fitting *f, const struct gen_message *m)
{
	int r = end_last(f);
	struct gen_message *last = &f->out[f->n++];
	*last = *m;
	last->images = f->images + f->n_images;
	add_images(f, m, 0);
	f->said = has_text(m);
	return r;
}

/* Texts with an empty line between, and the pictures of both in their places. */
static void join(struct fitting *f, struct gen_message *to, const struct gen_message *m)
{
	const char *behind = m->content ? m->content : "";
	if (!f->joins) {
		buf_reset(&f->text);
		buf_add_str(&f->text, to->content ? to->content : "");
		f->joins = true;
	}
	if (!f->said) { /* its blanks are left out: the pictures among them stand side by side */
		buf_reset(&f->text);
		for (size_t i = f->n_images - to->n_images; i < f->n_images; i++)
			f->images[i].at = f->images[i].gap = 0;
	}
	if (f->text.n > 0 && *behind)
		buf_add_str(&f->text, "\n\n");
	add_images(f, m, f->text.n);
	buf_add_str(&f->text, behind);
	f->said = f->said || has_text(m);
	to->n_images += m->n_images;
	to->calls = m->calls;
	to->n_calls = m->n_calls;
	if (m->thoughts || m->n_calls) { /* those of the calls must stand with them */
		to->thoughts = m->thoughts;
		to->thoughts_of = m->thoughts_of;
	}
	if (m->reasoning)
		to->reasoning = m->reasoning;
}

static bool may_join(const struct gen_message *last, const struct gen_message *m)
{
	return gen_is_role(last, m->role) && last->n_calls == 0 &&
	       (gen_is_role(m, "user") || gen_is_role(m, "assistant"));
}

static int add(struct fitting *f, const struct gen_message *m)
{
	if (f->n == 0 || !may_join(&f->out[f->n - 1], m))
		return begin(f, m);
	join(f, &f->out[f->n - 1], m);
	return 0;
}

/* The system in one message, which is the first, or what the first one of the user begins with. */
static int add_system(struct fitting *f, const struct gen_request *q, bool none)
{
	const char *words = words_of_system(q, f->a);
	if (!words)
		return -ENOMEM;
	return *words ? add(f, &(struct gen_message){.role = none ? "user" : "system", .content = words}) : 0;
}

static int take_turns(struct fitting *f, const struct gen_request *q, bool no_system)
{
	static const struct gen_message begins = {.role = "user", .content = "(The conversation goes on.)"};
	bool begun = false;
	int r = add_system(f, q, no_system);
	for (size_t i = 0; i < q->n_messages && r == 0; i++) {
		const struct gen_message *m = &q->messages[i];
		if (gen_is_system(m))
			continue;
		if (!begun && !gen_is_role(m, "user"))
			r = add(f, &begins);
		begun = true;
		if (r == 0)
			r = add(f, m);
	}
	return r < 0 ? r : end_last(f);
}

/* The model is to go on with its own words. */
static bool is_prefilled(const struct gen_request *q)
{
	return q->n_messages > 0 && gen_is_role(&q->messages[q->n_messages - 1], "assistant");
}

static size_t count_images(const struct gen_request *q)
{
	size_t n = 0;
	for (size_t i = 0; i < q->n_messages; i++)
		n += q->messages[i].n_images;
	return n;
}

int roles_settle(const struct gen_request *q, unsigned quirks, struct arena *a, struct gen_request *ret)
{
	struct gen_request full = *q;
	*ret = *q;
	if (!(quirks & QUIRKS_OF_ROLES) || q->prompt)
		return 0;
	struct gen_message *kept = ARENA_ARRAY(a, struct gen_message, q->n_messages + 2);
	struct fitting f = {.a = a,
		.out = ARENA_ARRAY(a, struct gen_message, q->n_messages + 3),
		.images = ARENA_ARRAY(a, struct gen_image, count_images(q) + 1),
		.text = BUF_INIT(BODY_MAX_BYTES)};
	if (!kept || !f.out || !f.images)
		return -ENOMEM;
	full.messages = kept;
	full.n_messages = 0;
	for (size_t i = 0; i < q->n_messages; i++)
		if (!(quirks & QUIRK_NO_EMPTY) || i + 1 == q->n_messages || !is_empty(&q->messages[i]))
			kept[full.n_messages++] = q->messages[i];
	if (quirks & QUIRK_NO_PREFILL && is_prefilled(q))
		kept[full.n_messages++] = (struct gen_message){.role = "user", .content = request_go_on};
	*ret = full;
	if (!(quirks & (QUIRK_TURNS | QUIRK_NO_SYSTEM)))
		return 0;
	int r = take_turns(&f, &full, quirks & QUIRK_NO_SYSTEM);
	buf_done(&f.text);
	ret->messages = f.out;
	ret->n_messages = f.n;
	return r;
}

/* ---- what a refusal teaches ---- */

static bool has(const struct gen_request *q, bool (*is)(const struct gen_message *))
{
	for (size_t i = 0; i < q->n_messages; i++)
		if (is(&q->messages[i]))
			return true;
	return false;
}

unsigned roles_learn(const struct gen_request *q, struct str error)
{
	static const char *const first[] = {"at the beginning", "must be first", "must be the first", NULL};
	static const char *const refused[] = {"not supported", "unsupported", "n't support", "not allowed", NULL};
	static const char *const empty[] = {"empty", "either content", "content=none", "non-empty", NULL};
	static const char *const last[] = {"prefill", "last role", "last message", "final message", NULL};
	bool of_system = quirk_names(error, "system") && has(q, gen_is_system);
	if (q->prompt)
		return 0;
	if (is_prefilled(q) && quirk_names_any(error, last))
		return QUIRK_NO_PREFILL;
	if (quirk_names(error, "alternat") && quirk_names(error, "role"))
		return QUIRK_TURNS;
	if (of_system && quirk_names_any(error, first))
		return QUIRK_TURNS;
	if (of_system && quirk_names(error, "role") && quirk_names_any(error, refused))
		return QUIRK_NO_SYSTEM;
	return quirk_names_any(error, empty) && quirk_names(error, "assistant") && has(q, is_empty) ? QUIRK_NO_EMPTY
												    : 0;
}
