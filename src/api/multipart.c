/*
 * multipart.c - the boundary is searched in the whole body, which is in memory anyway; the one part with a file name is the file,
 * and its bytes stay where they are. Its name is a label: cleaned of folders here, and never a path.
 */
#include "api/multipart.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 */

/* The value of a parameter, quoted or not, behind `name=`; n 0: it is not there. */
static struct str parameter(struct str header, const char *name)
{
	size_t k = strlen(name);

	for (size_t i = 0; i + k + 1 < header.n; i++) {
		const char *p = header.p + i;
		size_t n = 0, left;
		if (strncasecmp(p, name, k) != 0 || p[k] != '=' || (i > 0 && p[-1] != ' ' && p[-1] != ';'))
			continue;
		left = header.n - i - k - 1;
		p += k + 1;
		if (*p == '"') {
			while (n + 1 < left && p[1 + n] != '"')
				n += p[1 + n] == '\\' && n + 2 < left ? 2 : 1;
			return (struct str){p + 1, n};
		}
		while (n < left && p[n] != ';' && p[n] != ' ' && p[n] != '\r')
			n++;
		return (struct str){p, n};
	}
	return (struct str){NULL, 0};
}

/* A name without what leads out of a folder, and without what stands for a quotation mark; of Windows the last part alone. */
static const char *clean_name(struct str name, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(name.n + 1);

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '\\' && !(i + 1 < name.n && name.p[i + 1] == '"')) {
			buf_reset(&b);
			continue;
		}
		if (name.n - i >= 3 && memcmp(name.p + i, "%22", 3) == 0) {
			buf_add_char(&b, '"');
			i += 2;
		} else if (name.p[i] != '\\') {
			buf_add_char(&b, name.p[i]);
		}
	}
	size_t skip = 0;
	struct str s = buf_str(&b);
	while (skip < s.n && (s.p[skip] == '/' || str_starts((struct str){s.p + skip, s.n - skip}, STR("./")) ||
				     str_starts((struct str){s.p + skip, s.n - skip}, STR("../"))))
		skip++;
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, s.p + skip, s.n - skip);
}

static const char *find(struct str in, const char *what, size_t n)
{
	return in.n >= n ? memmem(in.p, in.n, what, n) : NULL;
}

/* From behind one boundary to the next one. */
static int read_part(struct str part, struct arena *a, struct multipart_file *ret, struct err *e)
{
	const char *end = find(part, "\r\n\r\n", 4);
	struct str head, name;

	if (!end)
		return 0;
	head = (struct str){part.p, (size_t)(end - part.p)};
	struct str body = {end + 4, part.n - head.n - 4};
	name = parameter(head, "filename");
	if (!name.n) {
		if (str_eq(parameter(head, "name"), STR("replaces")))
			ret->replaces = body;
		if (str_eq(parameter(head, "name"), STR("on_conflict")))
			ret->on_conflict = body;
		return 0;
	}
	if (ret->bytes.p)
		return err_set(e, E_INVALID, "This form has several files. Send each in a request of its own.");
	ret->bytes = body;
	ret->name = clean_name(name, a);
	return ret->name ? 0 : err_set(e, -ENOMEM, "no memory for a form");
}

int multipart_read(const char *type, struct str body, struct arena *a, struct multipart_file *ret, struct err *e)
{
	struct str boundary = parameter(str_from(type ? type : ""), "boundary");
	char mark[BOUNDARY_MAX + 5]; /* "\r\n--" and the boundary */
	size_t n;

	if (!boundary.n || boundary.n > BOUNDARY_MAX)
		return err_set(e, E_INVALID, "A form needs a Content-Type of multipart/form-data with its boundary.");
	n = (size_t)snprintf(mark, sizeof(mark), "\r\n--" STR_FMT, STR_ARG(boundary));
	const char *at = find(body, mark + 2, n - 2);
	if (at)
		at += n - 2;
	while (at) {
		struct str rest = {at, body.n - (size_t)(at - body.p)};
		const char *next = find(rest, mark, n);
		int r = next ? read_part((struct str){at, (size_t)(next - at)}, a, ret, e) : 0;
		if (r < 0)
			return r;
		at = next ? next + n : NULL;
	}
	return ret->bytes.p ? 0 : err_set(e, E_INVALID, "There is no file in this form, or its end is missing.");
}
