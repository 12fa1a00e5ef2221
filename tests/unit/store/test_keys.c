/* API keys in the database: found by their hash, theirs alone, gone when deleted. */
#include "store/keys.h"
#include "store_test.h"

#define NOW 1000000

static atelier_id add_key(struct fixture *f, atelier_id user, const char *name, const char *hash, int64_t expires_at)
{
	atelier_id id = 0;

	FINE(f, keys_create(f->db,
			&(struct api_key){.user_id = user,
				.name = name,
				.prefix = "sk-atelier-abcde",
				.scopes = "gateway api",
				.models = "[\"small\"]",
				.hash = str_from(hash),
				.expires_at = expires_at},
			&id, &f->e));
	return id;
}

static int find(struct fixture *f, const char *hash, int64_t now, struct api_key *ret)
{
	struct user u = {0};
	int r = keys_find(f->c, hash, strlen(hash), now, &f->a, ret, &u, &f->e);

	if (r == 0) {
		assert_int_equal(u.id, ret->user_id);
		assert_string_equal(u.name, ret->username);
	}
	return r;
}

static void test_found_by_hash(void **state)
{
	struct fixture *f = *state;
	struct api_key k = {0};
	atelier_id id = add_key(f, f->bob, "script", "hash-1", 0);

	FINE(f, find(f, "hash-1", NOW, &k));
	assert_int_equal(k.id, id);
	assert_int_equal(k.user_id, f->bob);
	assert_string_equal(k.username, "bob");
	assert_string_equal(k.scopes, "gateway api");
	assert_string_equal(k.models, "[\"small\"]");
	assert_int_equal(k.expires_at, 0);
	assert_int_equal(k.last_used_at, 0);
	REFUSED(f, E_UNAUTHORIZED, find(f, "hash-2", NOW, &k));
	REFUSED(f, E_UNAUTHORIZED, find(f, "", NOW, &k));
}

static void test_expiry_and_disabled_users(void **state)
{
	struct fixture *f = *state;
	struct api_key k;

	add_key(f, f->bob, "short", "hash-1", NOW);
	FINE(f, find(f, "hash-1", NOW - 1, &k));
	REFUSED(f, E_UNAUTHORIZED, find(f, "hash-1", NOW, &k));
	FINE(f, users_change(f->db, f->bob, &(struct user_change){.has_disabled = true, .disabled = true}, &f->e));
	REFUSED(f, E_UNAUTHORIZED, find(f, "hash-1", NOW - 1, &k));
	FINE(f, users_change(f->db, f->bob, &(struct user_change){.has_disabled = true, .disabled = false}, &f->e));
	FINE(f, find(f, "hash-1", NOW - 1, &k));
}

static void test_own_ones_only(void **state)
{
	struct fixture *f = *state;
	struct api_key_change x = {.name = "new name", .has_models = true};
	struct api_key_list list;
	struct api_key k;
	atelier_id first = add_key(f, f->bob, "one", "hash-1", 0), owner = 0;

	add_key(f, f->bob, "two", "hash-2", 0);
	add_key(f, f->ada, "hers", "hash-3", 0);
	FINE(f, keys_list(f->c, f->bob, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.items[0].name, "two");
	FINE(f, keys_list(f->c, 0, &f->a, &list, &f->e));
	assert_int_equal(list.n, 3);

	REFUSED(f, E_NOT_FOUND, keys_get(f->c, f->ada, first, &f->a, &k, &f->e));
	REFUSED(f, E_NOT_FOUND, keys_change(f->db, f->ada, first, &x, &f->e));
	REFUSED(f, E_NOT_FOUND, keys_delete(f->db, f->ada, first, NULL, &f->e));
	FINE(f, keys_change(f->db, f->bob, first, &x, &f->e));
	FINE(f, keys_get(f->c, f->bob, first, &f->a, &k, &f->e));
	assert_string_equal(k.name, "new name");
	assert_string_equal(k.scopes, "gateway api");
	assert_null(k.models);
	FINE(f, keys_delete(f->db, 0, first, &owner, &f->e));
	assert_int_equal(owner, f->bob);
	REFUSED(f, E_UNAUTHORIZED, find(f, "hash-1", NOW, &k));
}

static void test_use_never_goes_back(void **state)
{
	struct fixture *f = *state;
	struct api_key k;
	atelier_id id = add_key(f, f->bob, "one", "hash-1", 0);

	keys_touch(f->db, id, NOW + 3 * 365 * 86400000LL); /* of a clock that was ahead */
	keys_touch(f->db, id, NOW);
	keys_touch(f->db, id, NOW - 500);
	keys_touch(f->db, id + 1, NOW);
	store_flush(f);
	FINE(f, keys_get(f->c, f->bob, id, &f->a, &k, &f->e));
	assert_int_equal(k.last_used_at, NOW);
}

static void test_not_without_end(void **state)
{
	struct fixture *f = *state;
	struct api_key in = {.user_id = f->bob, .name = "n", .prefix = "p", .scopes = "api"};
	char hash[16];
	atelier_id id;

	for (int i = 0; i < KEYS_PER_USER; i++) {
		snprintf(hash, sizeof(hash), "h%d", i);
		in.hash = str_from(hash);
		FINE(f, keys_create(f->db, &in, &id, &f->e));
	}
	in.hash = STR("one too many");
	REFUSED(f, E_CONFLICT, keys_create(f->db, &in, &id, &f->e));
	in.user_id = f->ada;
	FINE(f, keys_create(f->db, &in, &id, &f->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found_by_hash),
		TEST(test_expiry_and_disabled_users),
		TEST(test_own_ones_only),
		TEST(test_use_never_goes_back),
		TEST(test_not_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
