/*
 * charset.c - which charset a text is in: its byte order mark, else UTF-8 when it is valid, else UTF-16 by where the zeros are,
 * else what it claims, else what looks likely. Decided once for the whole file.
 */
#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <strings.h>
#include <uchardet/uchardet.h>

#include "base/utf8.h"
#include "rag/formats/format.h"

#define SAMPLE      ((size_t)256 << 10)
#define DECODED_MAX ((size_t)256 << 20)

/* What people call by one name and mean another, larger one by. */
static const char *real_name(const char *name)
{
	static const char *const names[][2] = {{"ISO-8859-1", "windows-1252"}, {"ISO8859-1", "windows-1252"},
		{"latin1", "windows-1252"}, {"latin-1", "windows-1252"}, {"US-ASCII", "windows-1252"},
		{"ASCII", "windows-1252"}, {"GB2312", "GB18030"}, {"GBK", "GB18030"}, {"SHIFT_JIS", "CP932"},
		{"Shift-JIS", "CP932"}, {"x-sjis", "CP932"}, {"UHC", "CP949"}, {"EUC-KR", "CP949"},
		{"ks_c_5601-1987", "CP949"}, {"x-gbk", "GB18030"}, {"ISO-8859-9", "windows-1254"},
		{"TIS-620", "windows-874"}, {"x-mac-roman", "MACINTOSH"}, {"unicode", "UTF-16"}};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (strcasecmp(name, names[i][0]) == 0)
			return names[i][1];
	}
	return name;
}

/* The whole of it or nothing; a few bytes that windows-1252 does not know become U+FFFD where `mild`. */
static bool convert(const char *name, const char *p, size_t n, bool mild, struct buf *to)
{
	iconv_t cd = iconv_open("UTF-8", name);
	char *in = (char *)p;
	bool good = true;

	buf_reset(to);
	if (cd == (iconv_t)-1) /* NOLINT(performance-no-int-to-ptr) */
		return false;
	while (good && n > 0) {
		size_t room = n < 65536 ? n * 4 + 16 : 262144, before = room;
		char *out = buf_reserve(to, room);

		if (!out)
			break;
		size_t k = iconv(cd, &in, &n, &out, &room);
		to->n += before - room;
		if (k == (size_t)-1 && errno != E2BIG) {
			good = mild || (errno == EINVAL && n < 4); /* cut off in the last character */
			if (good) {
				buf_add_str(to, "\xEF\xBF\xBD");
				in++;
				n--;
			}
		}
	}
	iconv_close(cd);
	buf_add(to, "", 0); /* its NUL */
	return good && buf_status(to) == 0;
}

bool charset_convert(const char *name, const char *p, size_t n, struct buf *to)
{
	return convert(real_name(name), p, n, true, to);
}

/* Without a byte order mark it shows by its zeros: text of any language has spaces, line ends and digits. */
static const char *by_zeros(const char *p, size_t n)
{
	size_t even = 0, odd = 0, k = MIN(n, SAMPLE);

	for (size_t i = 0; i < k; i++) {
		if (p[i] == '\0')
			*(i % 2 ? &odd : &even) += 1;
	}
	if (odd > k / 20 && even < odd / 20 + 1)
		return "UTF-16LE";
	if (even > k / 20 && odd < even / 20 + 1)
		return "UTF-16BE";
	return NULL;
}

/* Of Chinese, Japanese and Korean without zeros: nearly all units are theirs, and among them are marks whose bytes stand in no
 * other text. */
static bool is_cjk(const char *p, size_t n, bool big)
{
	size_t theirs = 0, marks = 0, all = MIN(n, SAMPLE) / 2;

	for (size_t i = 0; i < all; i++) {
		unsigned a = (unsigned char)p[2 * i], b = (unsigned char)p[2 * i + 1],
			 u = big ? a << 8 | b : b << 8 | a;
		bool mark = (u >= 0x3000 && u <= 0x3003) || (u >= 0xFF00 && u <= 0xFF1F) || u == '\n' || u == '\r';
		marks += mark;
		theirs += mark || (u >= 0x3004 && u <= 0x30FF) || (u >= 0x4E00 && u <= 0x9FFF) ||
			  (u >= 0xAC00 && u <= 0xD7A3) || (u >= 0x20 && u < 0x7F);
	}
	return n % 2 == 0 && marks > 0 && theirs >= all - all / 20;
}

static const char *by_units(const char *p, size_t n)
{
	const char *name = by_zeros(p, n);

	return name ? name : is_cjk(p, n, false) ? "UTF-16LE" : is_cjk(p, n, true) ? "UTF-16BE" : NULL;
}

static const char *by_mark(const char *p, size_t n, size_t *ret_skip)
{
	static const struct {
		const char *mark;
		size_t n;
		const char *name;
	} marks[] = {{"\xEF\xBB\xBF", 3, "UTF-8"}, {"\xFF\xFE\0\0", 4, "UTF-32LE"}, {"\0\0\xFE\xFF", 4, "UTF-32BE"},
		{"\xFF\xFE", 2, "UTF-16LE"}, {"\xFE\xFF", 2, "UTF-16BE"}};

	for (size_t i = 0; i < N_ELEMENTS(marks); i++) {
		if (n >= marks[i].n && memcmp(p, marks[i].mark, marks[i].n) == 0) {
			*ret_skip = marks[i].n;
			return marks[i].name;
		}
	}
	return NULL;
}

static bool guess(const char *p, size_t n, char ret[64])
{
	uchardet_t u = uchardet_new();
	bool found = false;

	if (uchardet_handle_data(u, p, MIN(n, SAMPLE)) == 0) {
		uchardet_data_end(u);
		const char *name = uchardet_get_charset(u);
		found = *name && strlen(name) < 64;
		if (found)
			memcpy(ret, name, strlen(name) + 1);
	}
	uchardet_delete(u);
	return found;
}

/* Programs and pictures have control characters; texts have not. */
static bool is_text(const struct buf *b)
{
	size_t strange = 0;

	for (size_t i = 0; i < b->n; i++) {
		unsigned char c = (unsigned char)b->p[i];

		strange += (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1B && c != 0x1A) ||
			   c == 0x7F;
	}
	return strange <= b->n / 50 + 2;
}

/* Where letters of another charset stood, one of ISO 8859 has controls that no text has. */
static bool has_controls(const struct buf *b)
{
	for (size_t i = 0; i + 1 < b->n; i++)
		if ((unsigned char)b->p[i] == 0xC2 && (unsigned char)b->p[i + 1] < 0xA0 &&
			(unsigned char)b->p[i + 1] != 0x85)
			return true;
	return false;
}

/* In windows-1252 these are quotes and the like, or nothing at all: between letters they are letters of DOS. */
static bool is_dos(const char *p, size_t n)
{
	static const char letters[] = "\x81\x82\x83\x84\x87\x88\x89\x8B\x8D\x8F\x90\x93\x94\x98\x9B\x9D";
	size_t between = 0, high = 0;

	for (size_t i = 0; i < MIN(n, SAMPLE); i++) {
		high += (unsigned char)p[i] >= 0x80;
		between += i > 0 && i + 1 < n && strchr(letters, p[i]) && p[i] && isalpha((unsigned char)p[i - 1]) &&
			   isalpha((unsigned char)p[i + 1]);
	}
	return between > 0 && between >= high / 4;
}

static size_t between_letters(const char *p, size_t n, const char *letters)
{
	size_t found = 0;

	for (size_t i = 1; i + 1 < MIN(n, SAMPLE); i++)
		found += p[i] && strchr(letters, p[i]) && isalpha((unsigned char)p[i - 1]);
	return found;
}

/*
 * What a Macintosh wrote before it knew Unicode: its usual letters stand where windows-1252 has nothing, or marks, and DOS capitals.
 * Such a text ends its lines by a carriage return alone, or has several that windows-1252 does not know.
 */
static bool is_mac(const char *p, size_t n)
{
	size_t mac = between_letters(p, n, "\x8E\x8F\x88\x8D\x90\x99\x9D\x8A\x9A\x9F"), high = 0;
	bool lines = memchr(p, '\r', n) && !memchr(p, '\n', n);

	for (size_t i = 0; i < MIN(n, SAMPLE); i++)
		high += (unsigned char)p[i] >= 0x80;
	return mac >= high / 4 && mac > 2 * between_letters(p, n, "\x81\x82\x84") &&
	       (lines ? mac > 0 : between_letters(p, n, "\x8F\x8D\x90\x9D") > 1 && between_letters(p, n, "\x8E") > 1);
}

/* One after the other, the first that fits. */
static bool try_all(const char *p, size_t n, const char *claimed, struct buf *to, const char **ret_name, bool *ret_sure)
{
	static _Thread_local char likely[64];
	const char *utf16 = by_units(p, n);
	const char *candidates[] = {utf16, claimed, guess(p, n, likely) ? likely : NULL};

	/* French is taken for this one; what only Polish and its neighbours have tells them apart. */
	if (candidates[2] && strcasecmp(likely, "MAC-CENTRALEUROPE") == 0 && is_mac(p, n) &&
		!between_letters(p, n, "\xAB\xB8\xE6\xFD"))
		candidates[2] = "MACINTOSH";
	*ret_sure = true;
	for (size_t i = 0; i < N_ELEMENTS(candidates); i++) {
		const char *name = candidates[i] ? real_name(candidates[i]) : NULL;

		if (name && strcasecmp(name, "UTF-8") != 0 && convert(name, p, n, false, to) && is_text(to) &&
			!has_controls(to)) {
			*ret_name = name;
			return true;
		}
	}
	*ret_sure = false;
	*ret_name = "MACINTOSH";
	if (is_mac(p, n) && convert("MACINTOSH", p, n, false, to))
		return true;
	*ret_name = "CP850";
	if (is_dos(p, n) && convert("CP850", p, n, false, to))
		return true;
	*ret_name = "windows-1252";
	return convert("windows-1252", p, n, true, to);
}

bool charset_decode(const char *p, size_t n, const char *claimed, const char *chosen, struct buf *to,
	const char **ret_name, bool *ret_sure)
{
	size_t skip = 0;
	const char *name = by_mark(p, n, &skip);

	*ret_sure = true;
	if (name && strcmp(name, "UTF-8") != 0 && convert(name, p + skip, n - skip, true, to)) {
		*ret_name = name;
		return is_text(to);
	}
	if (chosen && !name && convert(real_name(chosen), p, n, true, to)) {
		*ret_name = real_name(chosen);
		return is_text(to);
	}
	buf_reset(to);
	if (utf8_valid(p, n)) {
		*ret_name = "UTF-8";
		buf_add(to, p + skip, n - skip);
		/* Of seven bits: a charset that escapes its characters, or zeros between letters. */
		if (memchr(p, 0x1B, MIN(n, SAMPLE)) || memchr(p, '\0', MIN(n, SAMPLE)))
			(void)try_all(p, n, claimed, to, ret_name, ret_sure);
		return buf_status(to) == 0 && is_text(to);
	}
	/* A file cut off in the middle of its last character, or damaged in a few places, is still in UTF-8. */
	if (name || utf8_valid(p, utf8_whole(p, n))) {
		*ret_name = "UTF-8";
		utf8_add_repaired(to, p + skip, n - skip);
		return is_text(to);
	}
	return try_all(p, n, claimed, to, ret_name, ret_sure) && is_text(to);
}

bool text_decode(struct doc *d, const struct input *in, struct buf *to)
{
	const char *name = "";
	bool sure = true;

	*to = BUF_INIT(DECODED_MAX);
	if (!charset_decode(in->p, in->n, in->charset, d->encoding, to, &name, &sure)) {
		doc_fail(d, EXTRACT_UNSUPPORTED,
			"This is no text, and no kind of document that can be read. Convert it to PDF, DOCX or text.");
		return false;
	}
	if (!sure && d->depth == 0)
		doc_warn(d,
			"The charset of the text is not certain; it was read as %s. Choose another one if it looks "
			"wrong.",
			name);
	d->charset = name;
	return true;
}

void name_ending(const char *name, char ret[16])
{
	const char *dot = strrchr(name, '.');
	size_t n = dot && !strchr(dot, '/') ? strlen(dot + 1) : 0;

	if (n > 15)
		n = 0;
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)tolower((unsigned char)dot[1 + i]);
	ret[n] = '\0';
}
