/* Answers that programs go on from: whose they are, how long and how many are kept. */
#include "store/keys.h"
#include "store/responses.h"
#include "store_test.h"

static void put(
	struct fixture *f, atelier_id id, struct response_owner owner, int64_t at, int64_t of_owner, int64_t of_all)
{
	struct response in = {.id = id, .owner = owner, .made_at = at, .input = "[1]", .output = "{\"a\":1}"};

	FINE(f, responses_put(f->db, &in, of_owner, of_all, &f->e));
}

static bool is_there(struct fixture *f, atelier_id id, struct response_owner owner, int64_t oldest)
{
	struct response ret;
	int r = responses_get(f->c, id, &owner, oldest, &f->a, &ret, &f->e);

	err_clear(&f->e);
	return r == 0;
}

static atelier_id key_of(struct fixture *f, atelier_id user)
{
	atelier_id id = 0;

	FINE(f, keys_create(f->db,
			&(struct api_key){.user_id = user,
				.name = "k",
				.prefix = "sk-atelier-abcde",
				.scopes = "gateway",
				.hash = STR("h")},
			&id, &f->e));
	return id;
}

static void test_owners(void **state)
{
	struct fixture *f = *state;
	struct response_owner session = {f->ada, 0}, key = {f->ada, key_of(f, f->ada)}, bob = {f->bob, 0};
	struct response ret;

	put(f, 1, session, 10, 1000, 1000);
	put(f, 2, key, 10, 1000, 1000);
	FINE(f, responses_get(f->c, 2, &key, 9, &f->a, &ret, &f->e));
	assert_string_equal(ret.input, "[1]");
	assert_string_equal(ret.output, "{\"a\":1}");
	assert_null(ret.previous);
	assert_true(is_there(f, 1, session, 0));
	assert_false(is_there(f, 1, key, 0));
	assert_false(is_there(f, 2, session, 0));
	assert_false(is_there(f, 1, bob, 0));
	assert_false(is_there(f, 1, session, 10));
	REFUSED(f, E_NOT_FOUND, responses_delete(f->db, 1, &bob, &f->e));
	FINE(f, responses_delete(f->db, 1, &session, &f->e));
	assert_false(is_there(f, 1, session, 0));
	FINE(f, keys_delete(f->db, f->ada, key.key_id, NULL, &f->e));
	assert_false(is_there(f, 2, key, 0));
	struct response late = {.id = 3, .owner = key, .input = "", .output = ""};
	REFUSED(f, E_NOT_FOUND, responses_put(f->db, &late, 9, 9, &f->e));
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	struct response_owner ada = {f->ada, 0}, bob = {f->bob, 0};
	int64_t n = 0;

	for (int i = 1; i <= 4; i++) /* each has 10 bytes */
		put(f, i, ada, i, 30, 1000);
	assert_false(is_there(f, 1, ada, 0));
	assert_true(is_there(f, 2, ada, 0));
	put(f, 5, bob, 5, 30, 30);
	assert_false(is_there(f, 2, ada, 0));
	assert_true(is_there(f, 3, ada, 0));
	FINE(f, responses_delete_before(f->db, 4, 1, &n, &f->e));
	assert_int_equal(n, 1);
	assert_false(is_there(f, 3, ada, 0));
	FINE(f, responses_delete_before(f->db, 4, 9, &n, &f->e));
	assert_int_equal(n, 1);
	assert_true(is_there(f, 5, bob, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_owners),
		TEST(test_bounds),
	};

	return cmocka_run_group_tests_name("store/responses", tests, NULL, NULL);
}
