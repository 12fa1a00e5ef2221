/* sse.c - the event streams of OpenAI-compatible servers and of Anthropic: lines into the data of events. */
#include "provider/provider_priv.h"

/* What has gathered of an event of several lines, or of one that strict parsers refuse. */
int sse_finish(struct answer *s)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	if (s->data.n == 0)
		return 0;
	int r = wire_parse_piece(s->data.p, s->data.n, &root, &s->has_halves);
	buf_done(&s->data);
	if (r < 0)
		return err_set(s->e, E_PROVIDER_BROKEN, "%s sent a piece of an answer that is not JSON.", s->label);
	r = s->dialect->object(s, root);
	s->has_halves = false;
	return r;
}

static int take_data(struct answer *s, const char *p, size_t n)
{
	if (n > 0 && *p == ':' && s->data.n == 0) /* a comment that a proxy made data of: no JSON begins so */
		return 0;
	if (s->data.n == 0 && !s->error_event) {
		int r = s->dialect->usual(s, p, n);
		if (r != 0)
			return MIN(r, 0);
		/* Taken at once, so that servers that forget the blank line are understood too. */
		CLEANUP(json_decrefp) json_t *root = NULL;
		if (n > 0 && json_parse(p, n, &root, NULL) >= 0)
			return s->dialect->object(s, root);
	}
	if (s->data.n > 0)
		buf_add_char(&s->data, '\n');
	buf_add(&s->data, p, n);
	return buf_status(&s->data);
}

int sse_line(struct answer *s, const char *p, size_t n)
{
	if (s->ended)
		return 0;
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) /* a byte order mark may begin the stream */
		p += 3, n -= 3;
	if (n >= 5 && memcmp(p, "data:", 5) == 0) {
		size_t skip = n > 5 && p[5] == ' ' ? 6 : 5;
		return take_data(s, p + skip, n - skip);
	}
	if (n == 0) {
		int r = sse_finish(s);
		s->error_event = false;
		return r;
	}
	if (n >= 6 && memcmp(p, "event:", 6) == 0) {
		struct str name = {p + 6, n - 6};
		if (name.n > 0 && *name.p == ' ')
			name.p++, name.n--;
		s->error_event = str_eq(name, STR("error"));
	}
	return 0; /* comments keep the connection alive, and that is all they do */
}
