/* users.h - people who can sign in. Names are unique whatever the case of their ASCII letters. */
#pragma once

#include "store/rows.h"

#define ROLE_ADMIN "admin"
#define ROLE_USER  "user"

struct user {
	atelier_id id;
	const char *name;
	const char *display_name;
	const char *password_hash;
	const char *role; /* ROLE_... */
	bool disabled;
	int64_t created_at;
};

UNUSED static inline bool user_is_admin(const struct user *u)
{
	return strcmp(u->role, ROLE_ADMIN) == 0;
}

struct user_list ROWS_OF(struct user);

struct user_new {
	const char *name;
	const char *display_name; /* NULL: the name */
	const char *password_hash;
	const char *role;
	bool first_admin; /* refuse with E_CONFLICT when there is an administrator already, in the same transaction */
};

/* E_CONFLICT, with a sentence, when the name is taken. */
int users_create(struct db *db, const struct user_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

extern const struct rows_table users_table; /* lists are by name */
/* E_NOT_FOUND when there is none. Disabled users are found: look at the field. */
int users_by_name(struct db_conn *c, const char *name, struct arena *a, struct user *ret, struct err *e) MUST_CHECK;
ROWS_GET(users_by_id, users_table, struct user)
ROWS_LIST(users_list, users_table, struct user_list)

/* Administrators that are not disabled. */
int users_count_admins(struct db_conn *c, int64_t *ret, struct err *e) MUST_CHECK;

struct user_password {
	const char *hash;
	bool end_keys; /* deletes the user's API keys, too */
	struct str
		link; /* the hash of a link of the user (links.h), which is to be there still: else E_NOT_FOUND; p NULL: none */
};

/* Also ends all the user's sessions and the link, in the same transaction. E_NOT_FOUND. */
int users_set_password(struct db *db, atelier_id id, const struct user_password *in, struct err *e) MUST_CHECK;

/* What a name to sign in with may be, for the table of a body; blanks around it are cut off then (auth_check_name). */
#define USER_NAME_RULE .min = 1, .max = 64, .pattern = "^ *[A-Za-z0-9._@-]+ *$", .hint = "letters, digits and . _ - @"

struct user_change {
	bool has_disabled, disabled;     /* disabling ends all the user's sessions */
	const char *role;                /* NULL: stays */
	const char *name, *display_name; /* the same */
};

/* E_NOT_FOUND; E_CONFLICT when the name is taken, or no administrator would be left. */
int users_change(struct db *db, atelier_id id, const struct user_change *in, struct err *e) MUST_CHECK;

/* With all that is the user's: conversations, sessions, API keys, limits; usage stays. What others have is the heir's then
 * (owners.h); 0: it goes, too. E_NOT_FOUND; E_CONFLICT when no administrator would be left, or the heir cannot have it. */
int users_delete(struct db *db, atelier_id id, atelier_id heir_id, struct err *e) MUST_CHECK;
