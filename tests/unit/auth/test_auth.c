/* Users, sessions, the first administrator, tokens: on a database of their own. */
#include <errno.h>
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
#include "sys/fault.h"

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

static int login_from(struct fixture *f, const char *address, const char *device, const char *name,
	const char *password, struct auth_session *ret, struct err *e)
{
	struct auth_visitor from = {.device = device, .user_agent = "test"};
	struct user u;

	snprintf(from.address, sizeof(from.address), "%s", address);
	*e = (struct err){0};
	return auth_login(f->auth, name, password, &from, &f->a, &u, ret, e);
}

static int login(struct fixture *f, const char *name, const char *password, struct auth_session *ret, struct err *e)
{
	return login_from(f, "127.0.0.1", NULL, name, password, ret, e);
}

static int change_password(
	struct fixture *f, const struct auth_identity *who, const char *current, const char *wanted, struct err *e)
{
	*e = (struct err){0};
	return auth_change_password(
		f->auth, who, &(struct auth_password_change){.current = current, .wanted = wanted}, e);
}

/* What a link that was opened allows. */
static int open_link(struct fixture *f, struct auth *a, const char *token, struct auth_stream *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	struct err e = {0};

	return auth_stream_open(a, c, token, ret, &e);
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
	struct auth_session s;
	struct auth_identity who;
	struct auth_stream link = {.turn_id = 42, .expires_at = clock_now_ms() + 60000};

	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 32);
	add_user(f, "anna");
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	link.session_id = who.session_id;
	auth_stream_token(f->auth, &link, token);
	assert_int_equal(auth_new(f->db, &f->settings, f->key, &again, &e), 0);
	link.turn_id = 0;
	assert_int_equal(open_link(f, again, token, &link), 0);
	assert_int_equal(link.turn_id, 42);
	auth_free(again);

	assert_int_equal(auth_key_state(f->auth, &e), 0);
	assert_int_equal(truncate(f->key, 31), 0);
	assert_int_equal(auth_key_state(f->auth, &e), E_INVALID);
	err_clear(&e);
	assert_int_equal(truncate(f->key, 0), 0);
	assert_int_equal(truncate(f->key, 32), 0); /* zeros */
	assert_int_equal(auth_key_state(f->auth, &e), E_STORAGE);
	err_clear(&e);
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

static int used_ahead_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	return db_exec(c, NULL, e,
		"UPDATE sessions SET last_seen_at = last_seen_at + 34560000000, expires_at = expires_at + 34560000000");
}

static int nothing_in(struct db_conn *c UNUSED, void *arg UNUSED, struct err *e UNUSED)
{
	return 0;
}

/* A clock that is set back for a moment ends no session that is used in it: seen from there it was used 400 days ahead. */
static void test_a_clock_set_back(void **state)
{
	struct fixture *f = *state;
	struct auth_session s;
	struct auth_identity who = {.user = {.id = 0}};
	struct err e;

	add_user(f, "anna");
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), 0);
	assert_int_equal(db_write(f->db, used_ahead_in, NULL, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	int64_t ends_at = who.expires_at;
	assert_int_equal(db_write(f->db, nothing_in, NULL, &e), 0); /* and what was to be written later */
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	assert_true(who.expires_at == ends_at);
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
	assert_int_equal(change_password(f, &who, "wrong one", "new horse", &e), E_FORBIDDEN);
	assert_int_equal(change_password(f, &who, PASSWORD, "short", &e), E_INVALID);
	assert_int_equal(change_password(f, &who, PASSWORD, "anna2026!", &e), E_INVALID);
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	assert_int_equal(change_password(f, &who, PASSWORD, "new horse", &e), 0);
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
	assert_int_equal(users_change(f->db, id, &(struct user_change){.has_disabled = true, .disabled = true}, &e), 0);
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
	assert_int_equal(auth_setup(f->auth, "0000000000000000", "anna", PASSWORD, "192.0.2.1", &id, &e), E_FORBIDDEN);
	err_clear(&e);
	for (int64_t i = 1; i < f->settings.login_attempts; i++) {
		assert_int_equal(auth_setup(f->auth, "short", "anna", PASSWORD, "192.0.2.1", &id, &e), E_FORBIDDEN);
		err_clear(&e);
	}
	assert_int_equal(auth_setup(f->auth, "", "anna", PASSWORD, "192.0.2.1", &id, &e), E_RATE_LIMITED);
	err_clear(&e);
	assert_int_equal(auth_setup(f->auth, code, "no blanks please", PASSWORD, "192.0.2.1", &id, &e), E_INVALID);
	err_clear(&e);
	assert_int_equal(auth_setup(f->auth, code, "anna", PASSWORD, "192.0.2.1", &id, &e), 0);
	assert_false(auth_setup_needed(f->auth));
	assert_null(auth_setup_code(f->auth));
	assert_int_equal(auth_setup(f->auth, code, "bert", PASSWORD, "192.0.2.1", &id, &e), E_CONFLICT);
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
	struct auth_stream link = {.turn_id = INT64_MAX, .expires_at = clock_now_ms() + 60000}, found;
	struct auth_identity who;
	struct auth_session s;
	struct err e;

	add_user(f, "anna");
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	link.session_id = who.session_id;
	auth_stream_token(f->auth, &link, token);
	assert_int_equal(strlen(token), AUTH_STREAM_TOKEN_LEN);
	assert_int_equal(open_link(f, f->auth, token, &found), 0);
	assert_int_equal(found.turn_id, INT64_MAX);
	assert_int_equal(found.user_id, who.user.id);
	assert_int_equal(found.right_ends_at, who.expires_at);
	for (size_t i = 0; i < AUTH_STREAM_TOKEN_LEN; i++) {
		char was = token[i];
		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(open_link(f, f->auth, token, &found), E_UNAUTHORIZED);
		token[i] = was;
	}
	assert_int_equal(open_link(f, f->auth, "", &found), E_UNAUTHORIZED);
	/* It holds no longer than the session it was made with. */
	assert_int_equal(auth_logout(f->auth, who.session_id, &e), 0);
	assert_int_equal(open_link(f, f->auth, token, &found), E_UNAUTHORIZED);
	link.expires_at = clock_now_ms() - 1;
	auth_stream_token(f->auth, &link, token);
	assert_int_equal(open_link(f, f->auth, token, &found), E_EXPIRED);
}

/* Signs in, and takes the token of the device. */
static void device_of(
	struct fixture *f, const char *name, char ret[AUTH_DEVICE_TOKEN_LEN + 1], struct auth_identity *ret_who)
{
	struct auth_session s;
	struct err e;

	assert_int_equal(login(f, name, PASSWORD, &s, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, ret_who), 0);
	assert_true(auth_device_renew(f->auth, NULL, &ret_who->user, ret));
}

/* Whoever hammers a name keeps out nobody who has been there before, and no other name behind the same address. */
static void test_vandal(void **state)
{
	struct fixture *f = *state;
	char home[AUTH_DEVICE_TOKEN_LEN + 1], other[AUTH_DEVICE_TOKEN_LEN + 1];
	struct auth_identity who;
	struct auth_session s;
	struct err e;

	add_user(f, "anna");
	add_user(f, "bert");
	device_of(f, "anna", home, &who);
	assert_false(auth_device_renew(f->auth, home, &who.user, other));
	for (int64_t i = 0; i < f->settings.login_attempts; i++)
		assert_int_equal(login_from(f, "192.0.2.1", NULL, "anna", "wrong horse", &s, &e), E_UNAUTHORIZED);
	assert_int_equal(login_from(f, "192.0.2.1", NULL, "anna", "wrong horse", &s, &e), E_RATE_LIMITED);
	assert_int_equal(login_from(f, "192.0.2.1", home, "anna", PASSWORD, &s, &e), 0);
	assert_int_equal(login_from(f, "192.0.2.1", NULL, "bert", PASSWORD, &s, &e), 0);
	assert_int_equal(login_from(f, "192.0.2.2", NULL, "anna", PASSWORD, &s, &e), 0);
	/* A device is one person's, and no longer than the password. */
	for (int64_t i = 0; i <= f->settings.login_attempts; i++)
		(void)!login_from(f, "192.0.2.1", home, "bert", "wrong horse", &s, &e);
	assert_int_equal(login_from(f, "192.0.2.1", home, "bert", PASSWORD, &s, &e), E_RATE_LIMITED);
	home[3] = home[3] == 'A' ? 'B' : 'A';
	assert_int_equal(login_from(f, "192.0.2.1", home, "anna", PASSWORD, &s, &e), E_RATE_LIMITED);
}

static void test_devices_end_with_the_password(void **state)
{
	struct fixture *f = *state;
	char home[AUTH_DEVICE_TOKEN_LEN + 1];
	struct auth_session s;
	struct auth_identity who;
	struct err e;

	add_user(f, "anna");
	device_of(f, "anna", home, &who);
	assert_int_equal(change_password(f, &who, PASSWORD, "new horse", &e), 0);
	for (int64_t i = 0; i < f->settings.login_attempts; i++)
		assert_int_equal(login_from(f, "192.0.2.1", NULL, "anna", "wrong horse", &s, &e), E_UNAUTHORIZED);
	assert_int_equal(login_from(f, "192.0.2.1", home, "anna", "new horse", &s, &e), E_RATE_LIMITED);
}

/* A password that could not be looked at is not called wrong. */
static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	struct auth_session s;
	struct auth_identity who;
	struct err e;

	add_user(f, "anna");
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), 0);
	assert_int_equal(identify(f, s.cookie, NULL, &who), 0);
	fault_set("password_memory:ENOMEM");
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), -ENOMEM);
	assert_int_equal(login(f, "nobody", PASSWORD, &s, &e), -ENOMEM);
	assert_int_equal(change_password(f, &who, PASSWORD, "another long one", &e), -ENOMEM);
	fault_set(NULL);
	assert_int_equal(login(f, "anna", PASSWORD, &s, &e), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_memory),
		TEST(test_key_is_private_and_stays),
		TEST(test_master_key),
		TEST(test_sessions),
		TEST(test_a_clock_set_back),
		TEST(test_password_change_ends_sessions),
		TEST(test_wrong_logins_look_alike_and_wait),
		TEST(test_disabled_cannot_log_in),
		TEST(test_first_administrator),
		TEST(test_setup_ends_with_another_administrator),
		TEST(test_rules_for_users),
		TEST(test_stream_tokens),
		TEST(test_vandal),
		TEST(test_devices_end_with_the_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
