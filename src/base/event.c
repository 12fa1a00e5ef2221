/* event.c - the frames of the turn log: written once by the turn, copied as they are to every reader. */
#include "base/event.h"

#include "base/err.h"

#define X(name, wire, fields, doc) {wire, fields, doc},
static const struct event_info table[] = {EVENT_TABLE(X)};
#undef X

/* A head is written without looking at its room: digits of 64 bits, and a name. */
enum { HEAD_WORDS = sizeof("id: \nevent: \ndata: ") - 1, SEQ_DIGITS = 20 };
#define X(name, wire, ...)                                                                                             \
	_Static_assert(HEAD_WORDS + SEQ_DIGITS + sizeof(wire) - 1 <= EVENT_HEAD_MAX, wire " is too long a name");
EVENT_TABLE(X)
#undef X
_Static_assert(N_ELEMENTS(table) == EVENT_COUNT, "each type has its row");

const struct event_info *event_info(enum event_type type)
{
	ASSERT((size_t)type < N_ELEMENTS(table));
	return &table[type];
}

int event_type_from(struct str name)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++)
		if (str_eq(name, str_from(table[i].name)))
			return (int)i;
	return -1;
}

static char *put(char *to, const char *from, size_t n)
{
	memcpy(to, from, n);
	return to + n;
}

static char *put_u64(char *to, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return put(to, digits + i, sizeof(digits) - i);
}

size_t event_head(char ret[EVENT_HEAD_MAX], uint64_t seq, enum event_type type)
{
	char *to = put(ret, "id: ", 4);

	ASSERT(seq > 0 && (size_t)type < N_ELEMENTS(table)); /* a frame 0 would not be read back */
	to = put_u64(to, seq);
	to = put(to, "\nevent: ", 8);
	to = put(to, table[type].name, strlen(table[type].name));
	to = put(to, "\ndata: ", 7);
	return (size_t)(to - ret);
}

void event_add_frame(struct buf *b, uint64_t seq, enum event_type type, const char *json, size_t n)
{
	char head[EVENT_HEAD_MAX];
	size_t k = event_head(head, seq, type);
	char *to = buf_reserve(b, k + n + 2);

	if (!to)
		return;
	to = put(to, head, k);
	to = put(to, json, n);
	put(to, EVENT_TAIL, 3);
	b->n += k + n + 2;
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

/* The first line end that an empty line follows, or NULL. */
static const char *frame_end(struct str s)
{
	const char *at = s.p, *end = s.p + s.n;

	while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL && ++at < end)
		if (*at == '\n')
			return at - 1;
	return NULL;
}

int event_next_frame(struct str log, size_t *pos, struct event_frame *ret)
{
	struct event_frame f = {0};
	struct str rest, id, name;
	const char *end;

	if (*pos >= log.n)
		return 0;
	rest = (struct str){log.p + *pos, log.n - *pos};
	end = frame_end(rest);
	if (!end)
		return 0;
	rest.n = (size_t)(end - rest.p);
	if (!take_line(&rest, STR("id: "), &id) || !parse_seq(id, &f.seq) || !take_line(&rest, STR("event: "), &name) ||
		name.n == 0 || !take_line(&rest, STR("data: "), &f.json) || rest.n != 0)
		return E_INVALID;
	f.type = event_type_from(name);
	*pos = (size_t)(end - log.p) + 2;
	ASSERT(*pos <= log.n);
	*ret = f;
	return 1;
}
