/* address.c - all addresses are kept in 16 bytes, those of IPv4 mapped into IPv6, so that networks are compared one way. */
#include "base/address.h"

#include <arpa/inet.h>
#include <ctype.h>

_Static_assert(ADDRESS_TEXT == INET6_ADDRSTRLEN, "what inet_ntop asks for");

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Exactly an address, nothing around it. */
static bool parse_bare(struct str text, struct address *ret)
{
	char copy[ADDRESS_TEXT];
	struct address a;

	if (text.n == 0 || text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (strlen(copy) != text.n)
		return false;
	if (inet_pton(AF_INET, copy, a.b + sizeof(v4_prefix)) == 1)
		memcpy(a.b, v4_prefix, sizeof(v4_prefix));
	else if (inet_pton(AF_INET6, copy, a.b) != 1)
		return false;
	*ret = a;
	return true;
}

static bool is_port(struct str text)
{
	if (text.n == 0 || text.n > 5)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!isdigit((unsigned char)text.p[i]))
			return false;
	return true;
}

static struct str before(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (struct str){s.p, (size_t)(at - s.p)} : s;
}

bool address_parse(struct str text, struct address *ret)
{
	struct str s = str_trim(text);

	if (s.n && *s.p == '[') {
		struct str inner = before((struct str){s.p + 1, s.n - 1}, ']');
		size_t used = inner.n + 2; /* with the brackets */

		if (used > s.n || !memchr(inner.p, ':', inner.n))
			return false;
		struct str rest = {s.p + used, s.n - used};
		if (rest.n && (*rest.p != ':' || !is_port((struct str){rest.p + 1, rest.n - 1})))
			return false;
		return parse_bare(before(inner, '%'), ret);
	}
	struct str host = before(s, ':');
	if (host.n < s.n && memchr(host.p, '.', host.n) && is_port((struct str){host.p + host.n + 1, s.n - host.n - 1}))
		s = host;
	return parse_bare(s.n && memchr(s.p, ':', s.n) ? before(s, '%') : s, ret);
}

bool address_is_v4(const struct address *a)
{
	return memcmp(a->b, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool address_is_loopback(const struct address *a)
{
	static const unsigned char six[16] = {[15] = 1};

	return address_is_v4(a) ? a->b[12] == 127 : memcmp(a->b, six, sizeof(six)) == 0;
}

static void clear_behind(struct address *a, unsigned bits)
{
	ASSERT(bits <= 8 * sizeof(a->b));
	for (unsigned i = 0; i < sizeof(a->b); i++) {
		unsigned kept = bits > 8 * i ? MIN(8, bits - 8 * i) : 0;

		a->b[i] &= (unsigned char)(0xff00 >> kept);
	}
}

/* Each request writes its own, and inet_ntop(3) does so by a format: 1,700 instructions. */
static void format_v4(const unsigned char b[4], char *to)
{
	for (unsigned i = 0; i < 4; i++) {
		if (b[i] >= 100)
			*to++ = (char)('0' + b[i] / 100);
		if (b[i] >= 10)
			*to++ = (char)('0' + b[i] / 10 % 10);
		*to++ = (char)('0' + b[i] % 10);
		*to++ = i < 3 ? '.' : '\0';
	}
}

void address_format(const struct address *a, unsigned bits, char ret[ADDRESS_TEXT])
{
	struct address shown = *a;

	if (address_is_v4(a)) {
		format_v4(a->b + sizeof(v4_prefix), ret);
		return;
	}
	clear_behind(&shown, bits);
	ASSERT(inet_ntop(AF_INET6, shown.b, ret, ADDRESS_TEXT)); /* the room is what it asks for */
}

/* ---- networks ---- */

static bool parse_network(struct str word, struct address *ret, unsigned *ret_bits)
{
	struct str host = before(word, '/');
	unsigned bits = 0, most;

	if (!parse_bare(host, ret))
		return false;
	most = address_is_v4(ret) && memchr(host.p, '.', host.n) ? 32 : 128;
	if (host.n == word.n) {
		bits = most;
	} else {
		struct str digits = {word.p + host.n + 1, word.n - host.n - 1};

		if (digits.n > 3 || !is_port(digits))
			return false;
		for (size_t i = 0; i < digits.n; i++)
			bits = bits * 10 + (unsigned)(digits.p[i] - '0');
		if (bits > most)
			return false;
	}
	*ret_bits = bits + 128 - most;
	return true;
}

/* Takes the next word off the list; n 0: there is none. */
static struct str next_word(const char **list)
{
	struct str w;

	*list += strspn(*list, " ,\t");
	w = (struct str){*list, strcspn(*list, " ,\t")};
	*list += w.n;
	return w;
}

bool address_in(const struct address *a, const char *networks)
{
	struct address network, mine;
	unsigned bits;

	for (struct str w; (w = next_word(&networks)).n > 0;) {
		if (!parse_network(w, &network, &bits))
			continue;
		mine = *a;
		clear_behind(&mine, bits);
		clear_behind(&network, bits);
		if (memcmp(mine.b, network.b, sizeof(mine.b)) == 0)
			return true;
	}
	return false;
}

const char *address_bad_network(const char *networks, size_t *ret_n)
{
	struct address network;
	unsigned bits;

	for (struct str w; (w = next_word(&networks)).n > 0;) {
		if (!parse_network(w, &network, &bits)) {
			*ret_n = w.n;
			return w.p;
		}
	}
	return NULL;
}
