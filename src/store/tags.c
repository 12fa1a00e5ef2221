/* tags.c - lists of tags. */
#include "store/tags.h"

#include <stdlib.h>

#include "base/fold.h"
#include "base/json.h"
#include "store/conversations.h"
#include "store/store_priv.h"

#define TAGS_BYTES ((size_t)64 << 10)

static bool is_same(const char *one, const char *other)
{
	CLEANUP(freep) char *a = store_fold(one), *b = store_fold(other);

	return strcmp(a, b) == 0;
}

static bool has(const json_t *list, const char *tag)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_same(json_string_value(json_array_get(list, i)), tag))
			return true;
	return false;
}

/* Adds those of `from` that are texts, but `without` and what is there. */
static void add_all(json_t *to, const json_t *from, const char *without)
{
	for (size_t i = 0; i < json_array_size(from); i++) {
		const char *tag = json_string_value(json_array_get(from, i));

		if (tag && *tag && !(without && is_same(tag, without)) && !has(to, tag))
			json_array_append(to, json_array_get(from, i));
	}
}

static json_t *parsed(const char *list)
{
	json_t *v = NULL;

	return json_parse(list, strlen(list), &v, NULL) == 0 ? v : NULL;
}

int tags_change(const char **list, enum tags_how how, const char *what, size_t max, struct arena *a, struct err *e)
{
	CLEANUP(json_decrefp) json_t *before = parsed(how == TAGS_SET ? what : *list), *after = json_array();
	CLEANUP(buf_done) struct buf text = BUF_INIT(TAGS_BYTES);

	add_all(after, before, how == TAGS_REMOVE ? what : NULL);
	if (how == TAGS_ADD && !has(after, what))
		json_array_append_new(after, json_string(what));
	if (json_array_size(after) > max)
		return err_set(e, E_INVALID, "A conversation has at most %zu tags.", max);
	json_add_value(&text, after);
	*list = buf_status(&text) == 0 ? arena_strndup(a, text.p, text.n) : NULL;
	return *list ? 0 : store_full(e);
}

const char *tags_quoted(const char *tag, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TAGS_BYTES);

	json_add_cstr(&b, tag);
	return buf_status(&b) == 0 ? arena_strndup(a, b.p, b.n) : NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct tag_count *x = a, *y = b;
	CLEANUP(freep) char *one = store_fold(x->name), *other = store_fold(y->name);

	return strcmp(one, other);
}

int tags_count(const char *const *lists, size_t n, struct arena *a, struct tag_count **ret, size_t *ret_n)
{
	struct store_list l = {.size = sizeof(struct tag_count)};
	struct tag_count *t;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		CLEANUP(json_decrefp) json_t *list = parsed(lists[i]);

		for (size_t k = 0; k < json_array_size(list); k++) {
			if (!(t = store_push(&l, a)))
				return -ENOMEM;
			*t = (struct tag_count){arena_strdup(a, json_string_value(json_array_get(list, k))), 1};
			if (!t->name)
				return -ENOMEM;
		}
	}
	t = l.items;
	if (l.n > 0)
		qsort(t, l.n, sizeof(*t), by_name);
	for (size_t i = 0; i < l.n; i++) {
		if (kept > 0 && is_same(t[kept - 1].name, t[i].name))
			t[kept - 1].count++;
		else
			t[kept++] = t[i];
	}
	*ret = t;
	*ret_n = kept;
	return 0;
}
