/* Stored providers, and their keys, which nobody can read who has the file alone. */
#include <fcntl.h>

#include "store/providers.h"
#include "store_test.h"

#define KEY "sk-very-secret-0123456789"

static const struct vault vault = {.key = "0123456789abcdef0123456789abcde"};

static atelier_id add(struct fixture *f, const char *name, const char *key)
{
	struct stored_provider in = {.name = name,
		.kind = "openai",
		.url = "http://10.0.0.1/v1",
		.version = "",
		.enabled = true,
		.max_concurrent = 3,
		.first_byte_timeout_ms = 7};
	atelier_id id = 0;

	FINE(f, stored_providers_create(f->db, &vault, &in, key, &id, &f->e));
	return id;
}

static const char *key_of(struct fixture *f, atelier_id id)
{
	struct stored_provider p;
	const char *key = "unset";

	FINE(f, stored_providers_get(f->c, id, &f->a, &p, &f->e));
	FINE(f, stored_provider_key(&vault, &p, &f->a, &key, &f->e));
	return key;
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	atelier_id one = add(f, "one", KEY), two = add(f, "two", NULL);
	struct stored_provider_list list;
	struct stored_provider p;

	FINE(f, stored_providers_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	p = list.items[0];
	assert_int_equal(p.id, one);
	assert_string_equal(p.name, "one");
	assert_string_equal(p.url, "http://10.0.0.1/v1");
	assert_true(p.enabled);
	assert_int_equal(p.max_concurrent, 3);
	assert_int_equal(p.first_byte_timeout_ms, 7);
	assert_int_equal(p.total_timeout_ms, 0);
	assert_true(p.created_at > 0);
	assert_non_null(p.sealed.p);
	assert_null(list.items[1].sealed.p);
	assert_null(key_of(f, two));
	assert_string_equal(key_of(f, one), KEY);

	p.name = "two";
	REFUSED(f, E_CONFLICT, stored_providers_update(f->db, &vault, &p, NULL, &f->e));
	p.name = "uno";
	p.enabled = false;
	p.url = "";
	FINE(f, stored_providers_update(f->db, &vault, &p, NULL, &f->e));
	assert_string_equal(key_of(f, one), KEY);
	FINE(f, stored_providers_get(f->c, one, &f->a, &p, &f->e));
	assert_string_equal(p.name, "uno");
	assert_string_equal(p.url, "");
	assert_false(p.enabled);
	FINE(f, stored_providers_update(f->db, &vault, &p, "another", &f->e));
	assert_string_equal(key_of(f, one), "another");
	FINE(f, stored_providers_update(f->db, &vault, &p, "", &f->e));
	assert_null(key_of(f, one));

	FINE(f, stored_providers_delete(f->db, one, &f->e));
	REFUSED(f, E_NOT_FOUND, stored_providers_delete(f->db, one, &f->e));
	REFUSED(f, E_NOT_FOUND, stored_providers_get(f->c, one, &f->a, &p, &f->e));
	p.id = one;
	REFUSED(f, E_NOT_FOUND, stored_providers_update(f->db, &vault, &p, NULL, &f->e));
}

/* A key that an older version stored is bound once to the address beside it; then it opens for that alone. */
static void test_binding(void **state)
{
	struct fixture *f = *state;
	atelier_id one = add(f, "one", KEY);
	struct stored_provider p;
	const char *key = NULL;

	FINE(f, stored_providers_get(f->c, one, &f->a, &p, &f->e));
	p.bound = "openai http://10.0.0.1:80";
	FINE(f, stored_provider_bind(f->db, &vault, &p, &f->e));
	FINE(f, stored_provider_bind(f->db, &vault, &p, &f->e));
	FINE(f, stored_providers_get(f->c, one, &f->a, &p, &f->e));
	REFUSED(f, E_INVALID, stored_provider_key(&vault, &p, &f->a, &key, &f->e));
	p.bound = "openai http://10.0.0.1:81";
	FINE(f, stored_provider_bind(f->db, &vault, &p, &f->e));
	REFUSED(f, E_INVALID, stored_provider_key(&vault, &p, &f->a, &key, &f->e));
	p.bound = "openai http://10.0.0.1:80";
	FINE(f, stored_provider_key(&vault, &p, &f->a, &key, &f->e));
	assert_string_equal(key, KEY);
	/* What is changed without the key leaves it as it is. */
	FINE(f, stored_providers_update(f->db, &vault, &p, NULL, &f->e));
	FINE(f, stored_providers_get(f->c, one, &f->a, &p, &f->e));
	p.bound = "openai http://10.0.0.1:80";
	FINE(f, stored_provider_key(&vault, &p, &f->a, &key, &f->e));
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	struct stored_provider in = {.name = "One", .kind = "ollama"};
	atelier_id id;

	add(f, "one", NULL);
	REFUSED(f, E_CONFLICT, stored_providers_create(f->db, &vault, &in, NULL, &id, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM providers"), 1);
}

/* With another master key, or in another row, the key stays closed and the row stays there. */
static void test_wrong_key(void **state)
{
	struct fixture *f = *state;
	struct vault other = vault;
	atelier_id one = add(f, "one", KEY);
	struct stored_provider p;
	const char *key = NULL;

	other.key[5] ^= 1;
	FINE(f, stored_providers_get(f->c, one, &f->a, &p, &f->e));
	assert_int_equal(stored_provider_key(&other, &p, &f->a, &key, &f->e), E_INVALID);
	assert_non_null(strstr(f->e.msg, "master key"));
	err_clear(&f->e);
	p.id++;
	REFUSED(f, E_INVALID, stored_provider_key(&vault, &p, &f->a, &key, &f->e));
	p.id--;
	p.bound = "openai http://10.0.0.2:80";
	REFUSED(f, E_INVALID, stored_provider_key(&vault, &p, &f->a, &key, &f->e));
	assert_null(key);
}

static bool file_has(const char *path, const char *text)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(freep) char *all = xcalloc(1, 8u << 20);
	ssize_t n = fd >= 0 ? read(fd, all, 8u << 20) : 0;

	return n > 0 && memmem(all, (size_t)n, text, strlen(text));
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	char path[128];

	if (test_postgres())
		skip(); /* its files are the server's */
	add(f, "with-a-key", KEY);
	snprintf(path, sizeof(path), "%s/atelier.db-wal", f->folder);
	assert_true(file_has(path, "with-a-key")); /* it is the right file */
	assert_false(file_has(path, KEY));
	snprintf(path, sizeof(path), "%s/atelier.db", f->folder);
	assert_false(file_has(path, KEY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life), TEST(test_binding), TEST(test_names), TEST(test_wrong_key), TEST(test_files)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
