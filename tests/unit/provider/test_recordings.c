/* What servers send, byte by byte: every file of recordings/ becomes what its first lines say. */
#include "streams.h"

#include <dirent.h>
#include <stdio.h>

#include "provider/request.h"

struct recording {
	char *bytes; /* of the whole file */
	json_t *expected;
	const char *body;
	size_t n;
};

static char *read_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	*ret_n = (size_t)ftell(f);
	rewind(f);
	char *p = calloc(1, *ret_n + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, *ret_n, f), *ret_n);
	fclose(f);
	return p;
}

static void load(const char *path, struct recording *ret)
{
	size_t n;
	char *p = ret->bytes = read_file(path, &n), *line = p, *end;
	ret->expected = json_object();
	for (; (end = strchr(line, '\n')) && end > line; line = end + 1) {
		char *colon = memchr(line, ':', (size_t)(end - line));
		json_error_t why;
		assert_non_null(colon);
		*colon = *end = '\0';
		json_t *v = json_loads(colon + 1, JSON_DECODE_ANY, &why);
		assert_non_null(v);
		json_object_set_new(ret->expected, line, v);
	}
	assert_non_null(end);
	ret->body = end + 1;
	ret->n = n - (size_t)(ret->body - p);
}

static const char *word(const struct recording *r, const char *name)
{
	const char *s = json_get_str(r->expected, name);
	return s ? s : "";
}

static int64_t token(const struct recording *r, size_t i)
{
	const json_t *v = json_array_get(json_object_get(r->expected, "tokens"), i);
	return v ? json_integer_value(v) : -1;
}

static void check_refusal(const struct recording *r, int status)
{
	struct err e = {0};
	char text[400];
	int code = refusal_code(status, (struct str){r->body, r->n}, &e);
	assert_string_equal(code ? err_info(code)->wire_code : "", word(r, "refused"));
	assert_int_equal(e.asked, json_get_i64(r->expected, "asked", 0));
	assert_int_equal(e.limit, json_get_i64(r->expected, "limit", 0));
	wire_error_body(r->body, r->n, text, sizeof(text));
	assert_string_equal(text, word(r, "error"));
}

static void check_answer(const struct recording *r, const struct dialect *d)
{
	struct outcome o = stream_everywhere_n(d, r->body, r->n);
	assert_string_equal(o.text, word(r, "text"));
	assert_string_equal(o.reasoning, word(r, "reasoning"));
	assert_string_equal(o.tools, word(r, "tools"));
	assert_string_equal(o.error, word(r, "error"));
	assert_string_equal(o.r < 0 ? err_info(o.r)->wire_code : "", word(r, "failed"));
	if (o.r < 0)
		return;
	assert_string_equal(o.reason, word(r, "finish"));
	assert_int_equal(o.in, token(r, 0));
	assert_int_equal(o.out, token(r, 1));
	assert_int_equal(o.cached, token(r, 2));
	if (json_object_get(r->expected, "thought"))
		assert_int_equal(o.thought, json_get_i64(r->expected, "thought", -1));
}

static void check(const char *path)
{
	static const struct {
		const char *kind;
		const struct dialect *dialect;
	} kinds[] = {{"ollama", &ollama_dialect}, {"openai", &openai_dialect}, {"anthropic", &anthropic_dialect}};
	struct recording r;
	const struct dialect *d = NULL;
	print_message("%s\n", path); /* which one it was, when it fails */
	load(path, &r);
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (strcmp(word(&r, "kind"), kinds[i].kind) == 0)
			d = kinds[i].dialect;
	assert_non_null(d);
	int status = (int)json_get_i64(r.expected, "status", 200);
	if (status / 100 == 2)
		check_answer(&r, d);
	else
		check_refusal(&r, status);
	json_decref(r.expected);
	free(r.bytes);
}

static void all_become_what_they_say(void **state)
{
	const char *folder = getenv("RECORDINGS");
	char path[1024];
	size_t n = 0;
	(void)state;
	assert_non_null(folder);
	DIR *all = opendir(folder);
	assert_non_null(all);
	for (const struct dirent *f; (f = readdir(all)) != NULL;) {
		size_t len = strlen(f->d_name);
		if (len < 4 || strcmp(f->d_name + len - 4, ".txt") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, f->d_name);
		check(path);
		n++;
	}
	closedir(all);
	assert_true(n > 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_become_what_they_say)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
