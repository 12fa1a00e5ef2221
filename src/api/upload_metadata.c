/* upload_metadata.c - pairs with commas between, looked through where they stand. */
#include "api/upload_metadata.h"

#include <sodium.h>
#include <string.h>

struct pair {
	struct str name, value; /* the value in base64 */
};

/* The next pair, and what follows its comma; NULL: it was the last. */
static const char *next_pair(const char *p, struct pair *ret)
{
	p += strspn(p, " "); /* some write one behind the comma */
	size_t n = strcspn(p, ","), name = strcspn(p, " ,");

	*ret = (struct pair){{p, name}, {p + name, n - name}};
	if (ret->value.n) { /* the blank */
		ret->value.p++;
		ret->value.n--;
	}
	return p[n] ? p + n + 1 : NULL;
}

/* How many bytes the value is; -1: it is no base64. `to`: as many as the value has at least. */
static int64_t decode(struct str value, unsigned char *to)
{
	size_t n = 0;
	const char *end = NULL;

	if (sodium_base642bin(to, value.n + 1, value.p, value.n, NULL, &n, &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
		end != value.p + value.n)
		return -1;
	return (int64_t)n;
}

static bool is_printed(struct str name)
{
	bool printed = name.n > 0;

	for (size_t i = 0; printed && i < name.n; i++)
		printed = name.p[i] > ' ' && name.p[i] <= '~';
	return printed;
}

bool upload_metadata_valid(const char *text)
{
	CLEANUP(freep) unsigned char *room = xcalloc(1, strlen(text) + 1);
	bool valid = true;

	for (const char *p = *text ? text : NULL; valid && p;) {
		struct pair x;
		p = next_pair(p, &x);
		valid = is_printed(x.name) && decode(x.value, room) >= 0;
	}
	return valid;
}

const char *upload_metadata_get(const char *text, const char *name, struct arena *a)
{
	for (const char *p = *text ? text : NULL; p;) {
		struct pair x;
		p = next_pair(p, &x);
		if (!str_eq(x.name, str_from(name)))
			continue;
		char *value = arena_alloc_array(a, x.value.n + 1, 1);
		int64_t n = value ? decode(x.value, (unsigned char *)value) : 0;
		if (n > 0)
			value[n] = '\0';
		return n > 0 && *value ? value : NULL;
	}
	return NULL;
}
