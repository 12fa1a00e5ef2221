/* API keys: made, recognized, and what they allow. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "auth/auth_priv.h"
#include "auth/renewal.h"
#include "base/clock.h"
#include "store/keys.h"
#include "store/store.h"

struct fixture {
	char folder[64];
	struct settings settings;
	struct db *db;
	struct auth *auth;
	struct arena a;
	atelier_id user;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct user_new in = {.name = "bob", .password_hash = "none", .role = ROLE_USER};
	const struct db_migration *m;
	char path[96], key[96];
	struct err e = {0};
	size_t n;

	strcpy(f->folder, "/tmp/atelier-keys-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(path, sizeof(path), "%s/db", f->folder);
	snprintf(key, sizeof(key), "%s/master.key", f->folder);
	settings_init(&f->settings);
	arena_init(&f->a, 1 << 20);
	*state = f;
	m = store_migrations(&n);
	if (db_open(&(struct db_config){.path = path, .readers = 2}, m, n, &f->db, &e) < 0 ||
		auth_new(f->db, &f->settings, key, &f->auth, &e) < 0)
		return -1;
	return users_create(f->db, &in, &f->user, &e);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	auth_free(f->auth);
	db_close(f->db);
	settings_done(&f->settings);
	arena_done(&f->a);
	nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static int identify(struct fixture *f, const char *bearer, struct auth_identity *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);

	*e = (struct err){0};
	return auth_identify(f->auth, c, NULL, bearer, &f->a, ret, e);
}

static void make(struct fixture *f, unsigned scopes, int64_t expires_at, char ret[AUTH_API_KEY_LEN + 1])
{
	const char *const models[] = {"small", "mock:*"};
	struct auth_key_new in = {.user_id = f->user,
		.name = "script",
		.scopes = scopes,
		.models = models,
		.n_models = 2,
		.expires_at = expires_at};
	struct err e = {0};
	atelier_id id = 0;

	assert_int_equal(auth_key_create(f->auth, &in, ret, &id, &e), 0);
}

static void test_recognized(void **state)
{
	struct fixture *f = *state;
	struct auth_identity who = {.scopes = 0};
	char key[AUTH_API_KEY_LEN + 1], other[AUTH_API_KEY_LEN + 1];
	struct err e;

	make(f, AUTH_SCOPE_GATEWAY | AUTH_SCOPE_MODELS, 0, key);
	make(f, AUTH_SCOPE_API, 0, other);
	assert_int_equal(strlen(key), 54);
	assert_memory_equal(key, "sk-atelier-", 11);
	assert_string_not_equal(key, other);
	assert_true(auth_is_api_key(key));
	assert_false(auth_is_api_key("sk-other-key"));
	assert_false(auth_is_api_key(NULL));

	assert_int_equal(identify(f, key, &who, &e), 0);
	assert_string_equal(who.user.name, "bob");
	assert_true(who.key_id > 0);
	assert_int_equal(who.session_id, 0);
	assert_false(who.by_cookie);
	assert_int_equal(who.scopes, AUTH_SCOPE_GATEWAY | AUTH_SCOPE_MODELS);
	assert_int_equal(who.n_models, 2);
	assert_int_equal(identify(f, other, &who, &e), 0);
	assert_int_equal(who.scopes, AUTH_SCOPE_API);

	/* Any other character makes it another key. */
	for (size_t i = 11; i < AUTH_API_KEY_LEN; i++) {
		char was = key[i];

		key[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(identify(f, key, &who, &e), E_UNAUTHORIZED);
		key[i] = was;
	}
	key[AUTH_API_KEY_LEN - 1] = '\0';
	assert_int_equal(identify(f, key, &who, &e), E_UNAUTHORIZED);
	assert_non_null(strstr(e.msg, "54 characters"));
	assert_int_equal(identify(f, "sk-atelier-", &who, &e), E_UNAUTHORIZED);
}

static void test_ends(void **state)
{
	struct fixture *f = *state;
	struct auth_identity who;
	char key[AUTH_API_KEY_LEN + 1];
	struct err e;

	make(f, AUTH_SCOPE_API, clock_now_ms() - 1, key);
	assert_int_equal(identify(f, key, &who, &e), E_UNAUTHORIZED);
	assert_non_null(strstr(e.msg, "expired"));
	make(f, AUTH_SCOPE_API, clock_now_ms() + 60000, key);
	assert_int_equal(identify(f, key, &who, &e), 0);
	assert_int_equal(keys_delete(f->db, f->user, who.key_id, NULL, &e), 0);
	assert_int_equal(identify(f, key, &who, &e), E_UNAUTHORIZED);
}

/* A key that was used a moment ago is recognized without the database, until this process writes anything at all. */
static void test_known_for_a_moment(void **state)
{
	struct fixture *f = *state;
	struct auth_identity who = {.key_id = 0}, again;
	char key[AUTH_API_KEY_LEN + 1], other[AUTH_API_KEY_LEN + 1];
	struct err e;

	make(f, AUTH_SCOPE_GATEWAY, 0, key);
	make(f, AUTH_SCOPE_API, 0, other);
	assert_false(auth_identify_known(f->auth, key, &f->a, &who));
	assert_false(auth_identify_known(f->auth, NULL, &f->a, &who));
	assert_int_equal(identify(f, key, &who, &e), 0);
	assert_int_equal(users_change(f->db, f->user, &(struct user_change){.display_name = "Bob"}, &e), 0);
	assert_false(auth_identify_known(f->auth, key, &f->a, &again)); /* something was written */
	/* A quarter of a second may pass between the two on a busy machine. */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(identify(f, key, &who, &e), 0);
		if (auth_identify_known(f->auth, key, &f->a, &again))
			break;
		assert_int_not_equal(i, 99);
	}
	assert_int_equal(again.key_id, who.key_id);
	assert_string_equal(again.user.name, "bob");
	assert_string_equal(again.user.display_name, "Bob");
	assert_int_equal(again.scopes, AUTH_SCOPE_GATEWAY);
	assert_int_equal(again.n_models, 2);
	assert_string_equal(again.models[1], "mock:*");
	assert_false(auth_identify_known(f->auth, other, &f->a, &again));
	assert_int_equal(keys_delete(f->db, f->user, who.key_id, NULL, &e), 0);
	assert_false(auth_identify_known(f->auth, key, &f->a, &again));
}

/* A token that is renewed has an end of its own, which counts for who comes with it, not for what is open. */
static void test_token_ends_before_its_key(void **state)
{
	struct fixture *f = *state;
	int64_t far = clock_now_ms() + 7200000, near = clock_now_ms() + 3600000;
	struct auth_key_new in = {.user_id = f->user,
		.name = "program",
		.scopes = AUTH_SCOPE_API,
		.expires_at = far,
		.token_ends_at = near};
	unsigned char hash[AUTH_HASH_LEN];
	char key[AUTH_API_KEY_LEN + 1];
	struct auth_identity who = {.key_id = 0}, again;
	struct err e = {0};
	atelier_id id = 0;

	assert_int_equal(auth_key_create(f->auth, &in, key, &id, &e), 0);
	assert_int_equal(identify(f, key, &who, &e), 0);
	assert_int_equal(who.expires_at, far);
	assert_int_equal(who.token_ends_at, near);
	/* A quarter of a second may pass between the two on a busy machine. */
	auth_key_hash(key, hash);
	for (int i = 0; i < 100; i++) {
		known_keys_add(f->auth, hash, &who, 0, db_stamp(f->db));
		if (auth_identify_known(f->auth, key, &f->a, &again))
			break;
		assert_int_not_equal(i, 99);
	}
	who.token_ends_at = clock_now_ms() - 1;
	for (int i = 0; i < 5; i++) {
		known_keys_add(f->auth, hash, &who, 0, db_stamp(f->db));
		assert_false(auth_identify_known(f->auth, key, &f->a, &again));
	}
}

/* Whoever is told one step goes on to the same token; each step, and each key, has another; one that is new stays. */
static void test_renewed(void **state)
{
	struct fixture *f = *state;
	int64_t far = clock_now_ms() + 7200000, near = clock_now_ms() + 3600000, later = near + 61000;
	struct auth_key_new in = {.user_id = f->user,
		.name = "program",
		.scopes = AUTH_SCOPE_API,
		.expires_at = far,
		.token_ends_at = near - 61000};
	char key[AUTH_API_KEY_LEN + 1], stays[AUTH_API_KEY_LEN + 1], second[AUTH_API_KEY_LEN + 1],
		third[AUTH_API_KEY_LEN + 1], beside[AUTH_API_KEY_LEN + 1];
	struct auth_renewal first, one, two;
	struct err e = {0};
	atelier_id id = 0;

	assert_int_equal(auth_key_create(f->auth, &in, key, &id, &e), 0);
	auth_renewal_make(id, key, &first);
	assert_int_equal(auth_key_renew(f->auth, &first, near, far, second, &e), 0);
	auth_renewal_make(id, second, &one);
	assert_int_equal(auth_key_renew(f->auth, &first, near, far, second, &e), 0);
	auth_renewal_make(id, second, &two);
	/* Somebody slower found the first token ended, and renews what others are using already. */
	assert_int_equal(auth_key_renew(f->auth, &one, near, far, stays, &e), 0);
	assert_string_equal(stays, second);
	assert_int_equal(auth_key_renew(f->auth, &first, near, far, stays, &e), 0);
	assert_string_equal(stays, second);
	assert_int_equal(auth_key_renew(f->auth, &one, later, far, third, &e), 0);
	assert_int_equal(auth_key_renew(f->auth, &two, later, far, beside, &e), 0);
	assert_string_equal(third, beside);
	assert_string_not_equal(third, second);
	assert_string_not_equal(second, key);
	/* The first step again, when it is not the last: two have it. */
	assert_int_equal(auth_key_renew(f->auth, &first, near, far, second, &e), E_CONFLICT);
	assert_int_equal(auth_key_renew(f->auth, &one, near, far, third, &e), E_NOT_FOUND);
}

static int nothing_in(struct db_conn *c UNUSED, void *arg UNUSED, struct err *e UNUSED)
{
	return 0;
}

/* The use is written beside the request, once for many. */
static void test_use_is_noted(void **state)
{
	struct fixture *f = *state;
	struct auth_identity who = {.key_id = 0};
	char key[AUTH_API_KEY_LEN + 1];
	struct api_key k = {0};
	struct err e = {0};
	int64_t before = clock_now_ms(), first;

	make(f, AUTH_SCOPE_API, 0, key);
	for (int i = 0; i < 20; i++)
		assert_int_equal(identify(f, key, &who, &e), 0);
	assert_int_equal(db_write(f->db, nothing_in, NULL, &e), 0); /* with which it rides along */
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	assert_int_equal(keys_get(c, f->user, who.key_id, &f->a, &k, &e), 0);
	assert_true(k.last_used_at >= before);
	first = k.last_used_at;
	assert_int_equal(identify(f, key, &who, &e), 0);
	assert_int_equal(db_write(f->db, nothing_in, NULL, &e), 0);
	assert_int_equal(keys_get(c, f->user, who.key_id, &f->a, &k, &e), 0);
	assert_int_equal(k.last_used_at, first);
}

static void test_models(void **state)
{
	static const struct {
		const char *pattern, *id;
		bool fits;
	} cases[] = {
		{"small", "small", true},
		{"small", "small:latest", true},
		{"small", "small:1b", false},
		{"small", "smaller", false},
		{"*", "anything/at:all", true},
		{"mock:*", "mock:1b", true},
		{"mock:*", "mock", false},
		{"mock:?b", "mock:1b", true},
		{"mock:?b", "mock:13b", false},
		{"*claude*", "anthropic/claude-x", true},
		{"a*b*c", "axxbxxbc", true},
		{"a*b*c", "axxbxx", false},
		{"", "small", false},
	};
	struct auth_identity who = {.n_models = 1};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		who.models = &cases[i].pattern;
		if (auth_key_allows_model(&who, cases[i].id) != cases[i].fits)
			fail_msg("%s against %s", cases[i].pattern, cases[i].id);
	}
	who.n_models = 0;
	assert_false(auth_key_allows_model(&who, "small"));
	who.models = NULL;
	assert_true(auth_key_allows_model(&who, "small"));
}

static void test_words(void **state)
{
	char words[AUTH_SCOPES_MAX];

	(void)state;
	auth_scopes_format(AUTH_SCOPE_ALL, words);
	assert_string_equal(words, "gateway api models");
	assert_int_equal(auth_scopes_parse(words), AUTH_SCOPE_ALL);
	auth_scopes_format(AUTH_SCOPE_API, words);
	assert_string_equal(words, "api");
	assert_int_equal(auth_scopes_parse("models  root gateway"), AUTH_SCOPE_MODELS | AUTH_SCOPE_GATEWAY);
	auth_scopes_format(0, words);
	assert_string_equal(words, "");
}

static int identify_open_at(struct fixture *f, const char *host, struct auth_identity *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	struct err e = {0};

	return auth_identify_open(f->auth, c, host, &f->a, ret, &e);
}

static int identify_open(struct fixture *f, struct auth_identity *ret)
{
	return identify_open_at(f, "localhost:8420", ret);
}

static void test_open_user(void **state)
{
	struct fixture *f = *state;
	struct auth_identity who;
	struct err e = {0};

	assert_int_equal(identify_open(f, &who), E_UNAUTHORIZED);
	assert_int_equal(settings_set(&f->settings, "gateway_open_user", "nobody", "a test", &e), 0);
	assert_int_equal(identify_open(f, &who), E_UNAUTHORIZED);
	assert_int_equal(settings_set(&f->settings, "gateway_open_user", "bob", "a test", &e), 0);
	assert_int_equal(identify_open(f, &who), 0);
	assert_int_equal(who.user.id, f->user);
	assert_int_equal(who.scopes, AUTH_SCOPE_GATEWAY);
	assert_int_equal(who.key_id, 0);
	assert_int_equal(identify_open_at(f, "evil.example:8420", &who), E_FORBIDDEN);
	assert_int_equal(identify_open_at(f, NULL, &who), E_FORBIDDEN);
	assert_true(who.by_cookie); /* pages of other sites must not come in by it */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_recognized),
		TEST(test_ends),
		TEST(test_known_for_a_moment),
		TEST(test_token_ends_before_its_key),
		TEST(test_renewed),
		TEST(test_use_is_noted),
		TEST(test_models),
		TEST(test_words),
		TEST(test_open_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
