/* The first administrator: whoever can read what the server printed may make one, once. */
#include <sodium.h>
#include <stdio.h>

#include "auth/auth_priv.h"
#include "base/clock.h"

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* 5 bits each, none easily confused */

static void setup_make_code(char ret[SETUP_LEN + 1])
{
	for (int i = 0; i < SETUP_LEN; i++)
		ret[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	ret[SETUP_LEN] = '\0';
}

static int have_admin(struct auth *a, bool *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(a->db);
	int64_t n;
	int r = users_count_admins(c, &n, e);

	if (r < 0)
		return r;
	*ret = n > 0;
	return 0;
}

int auth_setup_init(struct auth *a, struct err *e)
{
	bool have;
	int r = have_admin(a, &have, e);

	if (r < 0)
		return r;
	if (!have) {
		setup_make_code(a->setup_code);
		a->setup_open = true;
	}
	return 0;
}

const char *auth_setup_code(struct auth *a)
{
	return auth_setup_needed(a) ? a->setup_code : NULL;
}

bool auth_setup_needed(struct auth *a)
{
	bool have = false, open;

	ASSERT_IS(a, AUTH_MAGIC);
	pthread_mutex_lock(&a->setup_mx);
	open = a->setup_open;
	pthread_mutex_unlock(&a->setup_mx);
	/* The administrator may have been made by `atelier user add` meanwhile. */
	if (!open || have_admin(a, &have, NULL) < 0 || !have)
		return open;
	pthread_mutex_lock(&a->setup_mx);
	a->setup_open = false;
	pthread_mutex_unlock(&a->setup_mx);
	return false;
}

static int check_code(struct auth *a, const char *code, const char *address, struct err *e)
{
	char given[SETUP_LEN + 1] = {0}, who[80];
	int r;

	strncpy(given, code, SETUP_LEN);
	if (strlen(code) == SETUP_LEN && sodium_memcmp(given, a->setup_code, SETUP_LEN) == 0)
		return 0;
	/* The right code is never made to wait, so that nobody can keep the owner out by guessing. */
	snprintf(who, sizeof(who), "setup %s", address);
	r = tries_take_plain(a->tries, who, clock_mono_us(), e);
	if (r < 0)
		return r;
	return err_set(e, E_FORBIDDEN, "This setup link is not valid. Open the one that the server printed last.");
}

int auth_setup(struct auth *a, const char *code, const char *name, const char *password, const char *address,
	atelier_id *ret, struct err *e)
{
	char hash[128];
	int r;

	ASSERT_IS(a, AUTH_MAGIC);
	if (!auth_setup_needed(a))
		return err_set(e, E_CONFLICT, "This Atelier has an administrator already.");
	r = check_code(a, code, address, e);
	if (r < 0)
		return r;
	r = auth_check_name(name, e);
	if (r < 0)
		return r;
	r = auth_hash_password(name, password, hash, e);
	if (r < 0)
		return r;
	/* Two at once with the right code: the database lets one of them in. */
	struct user_new u = {.name = name, .password_hash = hash, .role = ROLE_ADMIN, .first_admin = true};
	r = users_create(a->db, &u, ret, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&a->setup_mx);
	a->setup_open = false;
	pthread_mutex_unlock(&a->setup_mx);
	return 0;
}
