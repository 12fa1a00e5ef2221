/* auth_api.c - signing in and out, the first administrator, the own account. */
#include <stdio.h>
#include <strings.h>

#include "api/handlers.h"
#include "base/utf8.h"

#define COOKIE_SECONDS (400L * 24 * 3600) /* as long as browsers keep one; the server's session ends it earlier */

struct login {
	const char *username, *password;
};

static const struct field login_fields[] = {
	FIELD_STR(struct login, username, "username", 1, 64, FIELD_REQUIRED, "Name of the user."),
	FIELD_TEXT(struct login, password, "password", 1, 1024, FIELD_REQUIRED | FIELD_SECRET, "Password."),
};
const struct schema login_schema = SCHEMA("Login", struct login, login_fields, "Who wants to sign in.");

struct setup {
	const char *code, *username, *password;
};

static const struct field setup_fields[] = {
	FIELD_STR(struct setup, code, "code", 1, 64, FIELD_REQUIRED | FIELD_SECRET,
		"Code of the link the server printed."),
	FIELD_STR(struct setup, username, "username", 1, 64, FIELD_REQUIRED, "Letters, digits and . _ - @"),
	FIELD_TEXT(struct setup, password, "password", 8, 1024, FIELD_REQUIRED | FIELD_SECRET,
		"Password, 8 to 1024 bytes."),
};
const struct schema setup_schema = SCHEMA("Setup", struct setup, setup_fields, "The first administrator.");

struct setup_state {
	bool needed;
};

static const struct field setup_state_fields[] = {
	FIELD_BOOL(struct setup_state, needed, "needed", FIELD_REQUIRED, "There is no administrator yet."),
};
const struct schema setup_state_schema =
	SCHEMA("SetupState", struct setup_state, setup_state_fields, "Whether this Atelier waits for its first user.");

static const struct field user_fields[] = {
	FIELD_ID(struct user, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(struct user, name, "username", 0, 0, FIELD_REQUIRED, "Name to sign in with."),
	FIELD_STR(struct user, display_name, "display_name", 0, 0, FIELD_REQUIRED, "Name to show."),
	FIELD_ENUM(struct user, role, "role", ROLE_ADMIN " " ROLE_USER, FIELD_REQUIRED, "What the user may do."),
	FIELD_TIME(struct user, created_at, "created_at", FIELD_REQUIRED, "When the user was made."),
};
const struct schema user_schema = SCHEMA("User", struct user, user_fields, "A person who can sign in.");

struct signed_in {
	const char *token, *token_type;
	int64_t expires_at;
	struct user user;
};

static const struct field signed_in_fields[] = {
	FIELD_STR(struct signed_in, token, "token", 0, 0, FIELD_REQUIRED, "For `Authorization: Bearer`."),
	FIELD_STR(struct signed_in, token_type, "token_type", 0, 0, FIELD_REQUIRED, "Always Bearer."),
	FIELD_TIME(struct signed_in, expires_at, "expires_at", FIELD_REQUIRED, "End of the session unless it is used."),
	FIELD_OBJECT(struct signed_in, user, "user", &user_schema, FIELD_REQUIRED, "Who signed in."),
};
const struct schema signed_in_schema =
	SCHEMA("SignedIn", struct signed_in, signed_in_fields, "A new session; the cookie of the answer holds it too.");

struct password {
	const char *current, *wanted;
};

static const struct field password_fields[] = {
	FIELD_TEXT(struct password, current, "current_password", 1, 1024, FIELD_REQUIRED | FIELD_SECRET,
		"The present one."),
	FIELD_TEXT(struct password, wanted, "new_password", 8, 1024, FIELD_REQUIRED | FIELD_SECRET, "The new one."),
};
const struct schema password_schema = SCHEMA("PasswordChange", struct password, password_fields, "A new password.");

static void set_cookie(struct request *q, const char *value, long seconds)
{
	bool secure = strncasecmp(q->api->c.settings->public_url, "https://", 8) == 0;
	char text[256];

	snprintf(text, sizeof(text), "%s=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%ld%s", SESSION_COOKIE, value,
		seconds, secure ? "; Secure" : "");
	http_set_header(q->x, "Set-Cookie", text);
}

/* What the client calls itself, cut to a length worth keeping. */
static const char *user_agent_of(struct request *q)
{
	const char *text = http_header(q->x, "User-Agent");

	return text ? arena_strndup(&q->mem, text, utf8_prefix(text, strlen(text), 200)) : NULL;
}

static int answer_signed_in(struct request *q, const struct user *u, const struct auth_session *s)
{
	struct signed_in *out = ARENA_NEW(&q->mem, struct signed_in);
	char *token = arena_strdup(&q->mem, s->bearer);

	if (!out || !token)
		return request_no_memory(q);
	*out = (struct signed_in){.token = token, .token_type = "Bearer", .expires_at = s->expires_at, .user = *u};
	set_cookie(q, s->cookie, COOKIE_SECONDS);
	q->answer = out;
	return 0;
}

int login_post(struct request *q)
{
	const struct login *in = q->body;
	struct auth *a = q->api->c.auth;
	struct auth_session session;
	struct user user;
	int r = auth_login(
		a, in->username, in->password, request_address(q), user_agent_of(q), &q->mem, &user, &session, &q->err);

	if (r == E_UNAUTHORIZED && auth_setup_needed(a)) {
		err_clear(&q->err);
		return err_set(&q->err, E_SETUP_REQUIRED, "%s", err_info(E_SETUP_REQUIRED)->text);
	}
	return r < 0 ? r : answer_signed_in(q, &user, &session);
}

int logout_post(struct request *q)
{
	int r = auth_logout(q->api->c.auth, q->who.session_id, &q->err);

	if (r < 0)
		return r;
	changes_end(q->api->changes, q->who.user.id, q->who.session_id);
	set_cookie(q, "", 0);
	return 0;
}

int setup_get(struct request *q)
{
	struct setup_state *out = ARENA_NEW(&q->mem, struct setup_state);

	if (!out)
		return request_no_memory(q);
	out->needed = auth_setup_needed(q->api->c.auth);
	q->answer = out;
	return 0;
}

static int load_user(struct request *q, atelier_id id, struct user *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return users_by_id(c, id, &q->mem, ret, &q->err);
}

int setup_post(struct request *q)
{
	const struct setup *in = q->body;
	struct auth *a = q->api->c.auth;
	struct auth_session session;
	struct user user;
	atelier_id id;
	int r = auth_setup(a, in->code, in->username, in->password, &id, &q->err);

	if (r < 0)
		return r;
	r = auth_session_new(a, id, request_address(q), user_agent_of(q), &session, &q->err);
	if (r < 0)
		return r;
	r = load_user(q, id, &user);
	return r < 0 ? r : answer_signed_in(q, &user, &session);
}

int me_get(struct request *q)
{
	q->answer = &q->who.user;
	return 0;
}

int password_post(struct request *q)
{
	const struct password *in = q->body;
	int r = auth_change_password(q->api->c.auth, &q->who.user, in->current, in->wanted, &q->err);

	if (r < 0)
		return r;
	changes_end(q->api->changes, q->who.user.id, 0);
	set_cookie(q, "", 0);
	return 0;
}
