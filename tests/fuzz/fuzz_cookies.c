/*
 * fuzz_cookies.c - the headers that hold lists: cookies, what somebody accepts, entity tags, types. Each reader beside a second one that
 * goes byte by byte. The first byte chooses the reader, and how long the piece is that is asked for; the header is the rest.
 */
#include <stdint.h>
#include <strings.h>

#include "api/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As str_trim has it; but for blanks and tabs none of these comes through the parser of a head. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The k-th piece between such separators, without the blanks around it; false: there are fewer. */
static bool piece_at(const char *text, size_t n, char separator, size_t k, struct str *ret)
{
	size_t from = 0, to;

	for (size_t i = 0; i < n && k > 0; i++) {
		if (text[i] == separator) {
			from = i + 1;
			k--;
		}
	}
	if (k > 0)
		return false;
	for (to = from; to < n && text[to] != separator;)
		to++;
	while (from < to && is_blank(text[from]))
		from++;
	while (to > from && is_blank(text[to - 1]))
		to--;
	*ret = (struct str){text + from, to - from};
	return true;
}

static void try_cookie(const char *header, const char *name)
{
	struct str found = cookie_find(header, name), piece, want = {NULL, 0};
	size_t n = strlen(name);

	for (size_t k = 0; !want.p && piece_at(header, strlen(header), ';', k, &piece); k++) {
		const char *is = memchr(piece.p, '=', piece.n);
		if (is && (size_t)(is - piece.p) == n && memcmp(piece.p, name, n) == 0)
			want = (struct str){is + 1, piece.n - n - 1};
	}
	if (want.n >= 2 && want.p[0] == '"' && want.p[want.n - 1] == '"')
		want = (struct str){want.p + 1, want.n - 2};
	if (found.p != want.p || found.n != want.n)
		abort();
}

/* "q=0", with as many noughts behind a point as one likes. */
static bool refuses(struct str piece)
{
	struct str q;

	for (size_t k = 1; piece_at(piece.p, piece.n, ';', k, &q); k++) {
		bool nought = q.n >= 3 && (q.p[0] == 'q' || q.p[0] == 'Q') && q.p[1] == '=';
		if (!nought)
			continue;
		for (size_t i = 2; i < q.n; i++)
			nought &= q.p[i] == '0' || q.p[i] == '.';
		return nought;
	}
	return false;
}

static bool named(struct str piece, const char *what)
{
	struct str name;

	return piece_at(piece.p, piece.n, ';', 0, &name) && name.n == strlen(what) &&
	       strncasecmp(name.p, what, name.n) == 0;
}

static void try_accepts(const char *header, const char *what)
{
	struct str piece;
	bool want = false;

	for (size_t k = 0; piece_at(header, strlen(header), ',', k, &piece); k++) {
		if (piece.n >= 128 || !named(piece, what)) /* longer ones name nothing that we have */
			continue;
		want = !refuses(piece);
		break;
	}
	if (header_accepts(header, what) != want)
		abort();
	if (media_type_is(header, what) != named(str_from(header), what))
		abort();
}

static void try_etag(const char *header, const char *etag)
{
	struct str piece;
	bool want = false;

	for (size_t k = 0; piece_at(header, strlen(header), ',', k, &piece); k++) {
		if (piece.n > 2 && str_starts(piece, STR("W/")))
			piece = (struct str){piece.p + 2, piece.n - 2};
		want |= str_eq(piece, STR("*")) || str_eq(piece, str_from(etag));
	}
	if (etag_matches(header, etag) != want)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	/* What is asked for: usual words, and a piece of the input itself. */
	size_t n = MIN((size_t)(data[0] >> 2), size - 1);
	char *asked = malloc(n + 1), *header = malloc(size - n);
	if (!asked || !header)
		abort();
	memcpy(asked, data + 1, n);
	asked[n] = '\0';
	memcpy(header, data + 1 + n, size - 1 - n);
	header[size - 1 - n] = '\0';
	switch (data[0] & 3) {
	case 0:
	case 1:
		try_cookie(header, SESSION_COOKIE);
		try_cookie(header, DEVICE_COOKIE);
		if (asked[0] && !strpbrk(asked, "=; \t\r\n"))
			try_cookie(header, asked);
		break;
	case 2:
		try_accepts(header, "br");
		try_accepts(header, "text/event-stream");
		if (asked[0] && !strpbrk(asked, ",; \t\r\n"))
			try_accepts(header, asked);
		break;
	default:
		try_etag(header, "\"abc\"");
		if (asked[0] && !strpbrk(asked, ", \t\r\n"))
			try_etag(header, asked);
	}
	free(asked);
	free(header);
	return 0;
}
