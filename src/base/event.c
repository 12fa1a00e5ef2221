/* event.c - the frames of the turn log: written once by the turn, copied as they are to every reader. */
#include "base/event.h"

#include "base/err.h"

#define X(name, wire, fields, doc) {wire, fields, doc},
static const struct event_info table[] = {EVENT_TABLE(X)};
#undef X

const struct event_info *event_info(enum event_type type)
{
	return &table[type];
}

int event_type_from(struct str name)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++)
		if (str_eq(name, str_from(table[i].name)))
			return (int)i;
	return -1;
}

void event_add_frame(struct buf *b, uint64_t seq, enum event_type type, const char *json, size_t n)
{
	/* A frame is in the buffer whole or not at all. */
	size_t before = b->n;

	buf_add(b, "id: ", 4);
	buf_add_u64(b, seq);
	buf_add(b, "\nevent: ", 8);
	buf_add_str(b, table[type].name);
	buf_add(b, "\ndata: ", 7);
	buf_add(b, json, n);
	buf_add(b, "\n\n", 2);
	if (b->failed)
		b->n = before;
}

/* Takes `prefix` and the rest of that line off the front of *s. */
static bool take_line(struct str *s, struct str prefix, struct str *ret)
{
	const char *end;

	if (!str_starts(*s, prefix))
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	end = s->n ? memchr(s->p, '\n', s->n) : NULL;
	*ret = (struct str){s->p, end ? (size_t)(end - s->p) : s->n};
	s->p += ret->n;
	s->n -= ret->n;
	if (end) {
		s->p++;
		s->n--;
	}
	return true;
}

static bool parse_seq(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0 || s.n > 20 || s.p[0] == '0')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

int event_next_frame(struct str log, size_t *pos, struct event_frame *ret)
{
	struct event_frame f = {0};
	struct str rest, id, name;
	const char *end;

	if (*pos >= log.n)
		return 0;
	rest = (struct str){log.p + *pos, log.n - *pos};
	end = memmem(rest.p, rest.n, "\n\n", 2);
	if (!end)
		return 0;
	rest.n = (size_t)(end - rest.p);
	if (!take_line(&rest, STR("id: "), &id) || !parse_seq(id, &f.seq) || !take_line(&rest, STR("event: "), &name) ||
		name.n == 0 || !take_line(&rest, STR("data: "), &f.json) || rest.n != 0)
		return E_INVALID;
	f.type = event_type_from(name);
	*pos = (size_t)(end - log.p) + 2;
	*ret = f;
	return 1;
}
