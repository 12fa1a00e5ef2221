/* Users, sessions, the first administrator, tokens: on a database of their own. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "store/store.h"

#define PASSWORD "right horse"

struct fixture {
	char folder[64], key[96];
	struct settings settings;
	struct db *db;
	struct auth *auth;
	struct arena a;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char path[96];
	size_t n;
	const struct db_migration *m = store_migrations(&n);
	struct err e = {0};

	strcpy(f->folder, "/tmp/atelier-auth-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(path, sizeof(path), "%s/db", f->folder);
	snprintf(f->key, sizeof(f->key), "%s/master.key", f->folder);
	settings_init(&f->settings);
	arena_init(&f->a, 1 << 20);
	*state = f;
	if (db_open(&(struct db_config){.path = path, .readers = 2}, m, n, &f->db, &e) < 0)
		return -1;
	return auth_new(f->db, &f->settings, f->key, &f->auth, &e);
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

static atelier_id add_user(struct fixture *f, const char *name)
{
	struct err e = {0};
	atelier_id id = 0;

	assert_int_equal(auth_create_user(f->db, name, PASSWORD, ROLE_USER, &id, &e), 0);
	return id;
}

static int login(struct fixture *f, const char *name, const char *password, struct auth_session *ret, struct err *e)
{
	struct user u;

	*e = (struct err){0};
	return auth_login(f->auth, name, password, "127.0.0.1", "test", &f->a, &u, ret, e);
}

static int identify(struct fixture *f, const char *cookie, const char *bearer, struct auth_identity *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	struct err e = {0};

	return auth_identify(f->auth, c, cookie, bearer, &f->a, ret, &e);
}

static void test_key_is_private_and_stays(void **state)
{
	struct fixture *f = *state;
	struct auth *again;
	struct stat st;
	struct err e = {0};
	char token[AUTH_STREAM_TOKEN_LEN + 1];
	atelier_id turn = 0;

	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
	auth_stream_token(f->auth, 42, clock_now_ms() + 60000, token);
	assert_int_equal(auth_new(f->db, &f->settings, f->key, &again, &e), 0);
	assert_int_equal(auth_stream_turn(again, token, &turn, &e), 0);
	assert_int_equal(turn, 42);
	auth_free(again);

	assert_int_equal(truncate(f->key, 31), 0);
	assert_int_equal(auth_new(f->db, &f->settings, f->key, &again, &e), E_INVALID);
}

/* The master key may be a setting; what is derived from it is the same each time, and no key does two jobs. */
static void test_master_key(void **state)
{
	struct fixture *f = *state;
	struct vault of_file, of_setting, again;
	unsigned char raw[32];
	struct err e = {0};
	FILE *file = fopen(f->key, "rb");

	assert_non_null(file);
	assert_int_equal(fread(raw, 1, sizeof(raw), file), sizeof(raw));
	fclose(file);
	assert_int_equal(auth_vault_open(&f->settings, f->key, &of_file, &e), 0);
	assert_memory_equal(&of_file, auth_vault(f->auth), sizeof(of_file));
	assert_memory_not_equal(of_file.key, raw, sizeof(raw));
	assert_int_equal(auth_vault_open(&f->settings, "/nowhere/master.key", &again, &e), E_NOT_FOUND);
	err_clear(&e);

	static const char *const bad[] = {"00", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"};
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		assert_int_equal(settings_set(&f->settings, "master_key", bad[i], "ATELIER_MASTER_KEY", &e), 0);
		assert_int_equal(auth_vault_open(&f->settings, f->key, &again, &e), E_INVALID);
		assert_non_null(strstr(e.msg, "64 hexadecimal"));
		assert_null(strstr(e.msg, bad[i]));
		err_clear(&e);
	}
	const char *good = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
	assert_int_equal(settings_set(&f->settings, "master_key", good, "x", &e), 0);
	assert_int_equal(auth_vault_open(&f->settings, "/nowhere/master.key", &of_setting, &e), 0);
	assert_int_equal(auth_vault_open(&f->settings, f->key, &again, &e), 0);
	assert_memory_equal(&of_setting, &again, sizeof(again));
	assert_memory_not_equal(&of_setting, &of_file, sizeof(again));
}

static void test_sessions(void **state)
{
	struct fixture *f = *state;
	struct auth_session s, other;
	struct auth_identity who = {.user = {.id = 0}};
	struct err e;
	atelier_id id = add_user(f, "anna");

	assert_int_equal(login(f, "ANNA", PASSWORD, &s, &e), 0);
	assert_int_equal(login(f, "anna", PASSWORD, &other, &e), 0);
	assert_int_equal(strlen(s.cookie), AUTH_TOKEN_LEN);
	assert_string_not_equal(s.cookie, s.bearer);
	assert_string_not_equal(s.cookie, other.cookie);

	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	assert_int_equal(who.user.id, id);
	assert_true(who.by_cookie);
	assert_int_equal(identify(f, NULL, s.bearer, &who), 0);
	assert_false(who.by_cookie);
	/* One is not the other: a stolen cookie is no bearer token without the cross-site check. */
	assert_int_equal(identify(f, NULL, s.cookie, &who), E_UNAUTHORIZED);
	assert_int_equal(identify(f, s.bearer, NULL, &who), E_UNAUTHORIZED);
	assert_int_equal(identify(f, s.cookie, "bad", &who), E_UNAUTHORIZED);
	assert_int_equal(identify(f, NULL, NULL, &who), E_UNAUTHORIZED);
	assert_int_equal(identify(f, "", "", &who), E_UNAUTHORIZED);

	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	assert_int_equal(auth_logout(f->auth, who.session_id, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), E_UNAUTHORIZED);
	assert_int_equal(identify(f, NULL, s.bearer, &who), E_UNAUTHORIZED);
	assert_int_equal(identify(f, other.cookie, NULL, &who), 0);
}

static void test_password_change_ends_sessions(void **state)
{
	struct fixture *f = *state;
	struct auth_session s, other;
	struct auth_identity who;
	struct err e;

	add_user(f, "anna");
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), 0);
	assert_int_equal(login(f, "anna", PASSWORD, &other, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	assert_int_equal(auth_change_password(f->auth, &who.user, "wrong one", "new horse", &e), E_FORBIDDEN);
	err_clear(&e);
	assert_int_equal(auth_change_password(f->auth, &who.user, PASSWORD, "short", &e), E_INVALID);
	err_clear(&e);
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	assert_int_equal(auth_change_password(f->auth, &who.user, PASSWORD, "new horse", &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), E_UNAUTHORIZED);
	assert_int_equal(identify(f, NULL, other.bearer, &who), E_UNAUTHORIZED);
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), E_UNAUTHORIZED);
	assert_int_equal(login(f, "anna", "new horse", &s, &e), 0);
}

static void test_wrong_logins_look_alike_and_wait(void **state)
{
	struct fixture *f = *state;
	struct auth_session s;
	struct err e, other;

	add_user(f, "anna");
	assert_int_equal(login(f, "anna", "wrong horse", &s, &e), E_UNAUTHORIZED);
	assert_int_equal(login(f, "nobody", "wrong horse", &s, &other), E_UNAUTHORIZED);
	assert_string_equal(e.msg, other.msg);
	for (int64_t i = 1; i < f->settings.login_attempts; i++)
		assert_int_equal(login(f, "anna", "wrong horse", &s, &e), E_UNAUTHORIZED);
	assert_int_equal(login(f, "Anna", PASSWORD, &s, &e), E_RATE_LIMITED);
	assert_true(e.retry_after_s > 0);

	add_user(f, "bert");
	assert_int_equal(login(f, "bert", PASSWORD, &s, &e), 0);
}

static void test_disabled_cannot_log_in(void **state)
{
	struct fixture *f = *state;
	struct auth_session s;
	struct auth_identity who;
	struct err e = {0};
	atelier_id id = add_user(f, "anna"), admin;

	assert_int_equal(auth_create_user(f->db, "root", PASSWORD, ROLE_ADMIN, &admin, &e), 0);
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), 0);
	assert_int_equal(users_set_disabled(f->db, id, true, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), E_UNAUTHORIZED);
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), E_UNAUTHORIZED);
}

static void test_first_administrator(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	atelier_id id = 0;
	char code[32];

	assert_true(auth_setup_needed(f->auth));
	snprintf(code, sizeof(code), "%s", auth_setup_code(f->auth));
	assert_int_equal(strlen(code), 16);
	assert_int_equal(auth_setup(f->auth, "0000000000000000", "anna", PASSWORD, &id, &e), E_FORBIDDEN);
	err_clear(&e);
	for (int64_t i = 1; i < f->settings.login_attempts; i++) {
		assert_int_equal(auth_setup(f->auth, "short", "anna", PASSWORD, &id, &e), E_FORBIDDEN);
		err_clear(&e);
	}
	assert_int_equal(auth_setup(f->auth, "", "anna", PASSWORD, &id, &e), E_RATE_LIMITED);
	err_clear(&e);
	assert_int_equal(auth_setup(f->auth, code, "no blanks please", PASSWORD, &id, &e), E_INVALID);
	err_clear(&e);
	assert_int_equal(auth_setup(f->auth, code, "anna", PASSWORD, &id, &e), 0);
	assert_false(auth_setup_needed(f->auth));
	assert_null(auth_setup_code(f->auth));
	assert_int_equal(auth_setup(f->auth, code, "bert", PASSWORD, &id, &e), E_CONFLICT);
}

/* Made on the command line while the server runs: the link is void at once. */
static void test_setup_ends_with_another_administrator(void **state)
{
	struct fixture *f = *state;
	struct err e = {0};
	atelier_id id;

	assert_true(auth_setup_needed(f->auth));
	assert_int_equal(auth_create_user(f->db, "anna", PASSWORD, ROLE_ADMIN, &id, &e), 0);
	assert_false(auth_setup_needed(f->auth));
}

static void test_rules_for_users(void **state)
{
	static const char *const bad[] = {"", "a b", "a/b", "\xc3\xa4", "a\n",
		"0123456789012345678901234567890123456789012345678901234567890123456789"};
	struct fixture *f = *state;
	atelier_id id;

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct err e = {0};
		assert_int_equal(auth_create_user(f->db, bad[i], PASSWORD, ROLE_USER, &id, &e), E_INVALID);
	}
	struct err e = {0};
	assert_int_equal(auth_create_user(f->db, "a", PASSWORD, "king", &id, &e), E_INVALID);
	assert_int_equal(auth_create_user(f->db, "a.b-c_d@e", PASSWORD, ROLE_USER, &id, &e), 0);
}

static void test_stream_tokens(void **state)
{
	struct fixture *f = *state;
	char token[AUTH_STREAM_TOKEN_LEN + 1];
	struct err e = {0};
	atelier_id turn = 0;

	auth_stream_token(f->auth, INT64_MAX, clock_now_ms() + 60000, token);
	assert_int_equal(strlen(token), AUTH_STREAM_TOKEN_LEN);
	assert_int_equal(auth_stream_turn(f->auth, token, &turn, &e), 0);
	assert_int_equal(turn, INT64_MAX);
	for (size_t i = 0; i < AUTH_STREAM_TOKEN_LEN; i++) {
		char was = token[i];
		token[i] = was == 'A' ? 'B' : 'A';
		err_clear(&e);
		assert_int_equal(auth_stream_turn(f->auth, token, &turn, &e), E_UNAUTHORIZED);
		token[i] = was;
	}
	err_clear(&e);
	assert_int_equal(auth_stream_turn(f->auth, "", &turn, &e), E_UNAUTHORIZED);
	err_clear(&e);
	auth_stream_token(f->auth, 7, clock_now_ms() - 1, token);
	assert_int_equal(auth_stream_turn(f->auth, token, &turn, &e), E_EXPIRED);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_key_is_private_and_stays),
		TEST(test_master_key),
		TEST(test_sessions),
		TEST(test_password_change_ends_sessions),
		TEST(test_wrong_logins_look_alike_and_wait),
		TEST(test_disabled_cannot_log_in),
		TEST(test_first_administrator),
		TEST(test_setup_ends_with_another_administrator),
		TEST(test_rules_for_users),
		TEST(test_stream_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
