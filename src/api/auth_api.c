/* auth_api.c - signing in and out, the first administrator, the own account. */
#include "api/bootstrap.h"

struct login {
	const char *username, *password;
};

static const struct field login_fields[] = {
	FIELD_STR(struct login, username, "username", 1, 64, FIELD_REQUIRED, "Name of the user."),
	FIELD_TEXT(struct login, password, "password", 1, 1024, FIELD_REQUIRED | FIELD_SECRET, "Password."),
};
static const struct schema login_schema = SCHEMA("Login", struct login, login_fields, "Who wants to sign in.");

struct setup {
	const char *code, *username, *password;
};

static const struct field setup_fields[] = {
	FIELD_STR(struct setup, code, "code", 1, 64, FIELD_REQUIRED | FIELD_SECRET,
		"Code of the link the server printed."),
	FIELD(FT_STR, struct setup, username, "username", USER_NAME_RULE, .flags = FIELD_REQUIRED,
		.doc = "Letters, digits and . _ - @"),
	FIELD_TEXT(struct setup, password, "password", 8, 1024, FIELD_REQUIRED | FIELD_SECRET,
		"Password, 8 to 1024 bytes."),
};
static const struct schema setup_schema = SCHEMA("Setup", struct setup, setup_fields, "The first administrator.");

struct setup_state {
	bool needed;
};

static const struct field setup_state_fields[] = {
	FIELD_BOOL(struct setup_state, needed, "needed", FIELD_REQUIRED, "There is no administrator yet."),
};
static const struct schema setup_state_schema =
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
static const struct schema signed_in_schema =
	SCHEMA("SignedIn", struct signed_in, signed_in_fields, "A new session; the cookie of the answer holds it too.");

struct password {
	const char *current, *wanted;
	bool end_keys, has_end_keys;
};

static const struct field password_fields[] = {
	FIELD_TEXT(struct password, current, "current_password", 1, 1024, FIELD_REQUIRED | FIELD_SECRET,
		"The present one."),
	FIELD_TEXT(struct password, wanted, "new_password", 8, 1024, FIELD_REQUIRED | FIELD_SECRET, "The new one."),
	FIELD_HAS(FT_BOOL, struct password, end_keys, has_end_keys, "end_api_keys",
		.doc = "Whether the API keys end, too; without this field they do."),
};
static const struct schema password_schema =
	SCHEMA("PasswordChange", struct password, password_fields, "A new password.");

struct link_use {
	const char *token, *password;
};

static const struct field link_fields[] = {
	FIELD_STR(struct link_use, token, "token", 1, 100, FIELD_REQUIRED | FIELD_SECRET, "Of the link."),
	FIELD_TEXT(struct link_use, password, "new_password", 8, 1024, FIELD_REQUIRED | FIELD_SECRET, "The new one."),
};
static const struct schema link_use_schema =
	SCHEMA("PasswordByLink", struct link_use, link_fields, "The password that a link is used to set.");

static int answer_signed_in(struct request *q, const struct user *u, const struct auth_session *s)
{
	struct signed_in *out = ARENA_NEW(&q->mem, struct signed_in);
	char *token = arena_strdup(&q->mem, s->bearer);

	if (!out || !token)
		return request_no_memory(q);
	*out = (struct signed_in){.token = token, .token_type = "Bearer", .expires_at = s->expires_at, .user = *u};
	request_set_cookie(q, SESSION_COOKIE, s->cookie, COOKIE_SECONDS);
	q->answer = out;
	return 0;
}

/* What somebody typed as a name, if it could be one: else it may be a password in the wrong field. */
static const char *name_for_log(const char *name)
{
	struct err e = {0};

	return auth_check_name(name, &e) == 0 ? name : "(no user name)";
}

static int login_post(struct request *q)
{
	const struct login *in = q->body;
	struct auth *a = q->api->c.auth;
	struct auth_session session;
	struct auth_visitor from;
	struct user user;
	int r;

	request_visitor(q, &from);
	r = auth_login(a, in->username, in->password, &from, &q->mem, &user, &session, &q->err);
	if (r == E_UNAUTHORIZED && auth_setup_needed(a)) {
		err_clear(&q->err);
		return err_set(&q->err, E_SETUP_REQUIRED, "%s", err_info(E_SETUP_REQUIRED)->text);
	}
	if (r == E_UNAUTHORIZED || r == E_RATE_LIMITED)
		request_audit(q, "sign-in as %s %s", name_for_log(in->username),
			r == E_UNAUTHORIZED ? "failed" : "has to wait");
	if (r < 0)
		return r;
	request_audit(q, "sign-in as %s", user.name);
	return answer_signed_in(q, &user, &session);
}

static int logout_post(struct request *q)
{
	int r = auth_logout(q->api->c.auth, q->who.session_id, &q->err);

	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.session_id = q->who.session_id});
	request_audit(q, "sign-out");
	request_set_cookie(q, SESSION_COOKIE, "", 0);
	return 0;
}

static int setup_get(struct request *q)
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

static int setup_post(struct request *q)
{
	const struct setup *in = q->body;
	struct auth *a = q->api->c.auth;
	struct auth_session session;
	struct auth_visitor from;
	struct user user = {0};
	atelier_id id = 0;
	int r;

	request_visitor(q, &from);
	r = auth_setup(a, in->code, in->username, in->password, from.address, &id, &q->err);
	if (r == E_FORBIDDEN)
		request_audit(q, "setup with a wrong code");
	if (r == 0)
		r = load_user(q, id, &user);
	if (r == 0)
		r = auth_session_new(a, &user, &from, &session, &q->err);
	if (r < 0)
		return r;
	request_audit(q, "setup: %s is the first administrator", user.name);
	return answer_signed_in(q, &user, &session);
}

static int link_post(struct request *q)
{
	const struct link_use *in = q->body;
	struct auth *a = q->api->c.auth;
	struct auth_session session;
	struct auth_visitor from;
	struct user user;
	int r;

	request_visitor(q, &from);
	r = auth_link_use(a, in->token, in->password, &q->mem, &user, &q->err);
	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.user_id = user.id, .spare_keys = true});
	request_audit(q, "%s has set a password by a link", user.name);
	r = auth_session_new(a, &user, &from, &session, &q->err);
	return r < 0 ? r : answer_signed_in(q, &user, &session);
}

static int me_get(struct request *q)
{
	q->answer = &q->who.user;
	return 0;
}

static int password_post(struct request *q)
{
	const struct password *in = q->body;
	bool end_keys = !in->has_end_keys || in->end_keys;
	int r = auth_change_password(q->api->c.auth, &q->who,
		&(struct auth_password_change){.current = in->current, .wanted = in->wanted, .end_keys = end_keys},
		&q->err);

	if (r == E_FORBIDDEN)
		request_audit(q, "password change with a wrong password");
	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.user_id = q->who.user.id, .spare_keys = !end_keys});
	request_audit(q, "password change, API keys %s", end_keys ? "ended" : "kept");
	request_set_cookie(q, SESSION_COOKIE, "", 0);
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/auth/login", "login", login_post, ACCESS_PUBLIC, ROUTE_PASSWORD, .status = 200,
		SHORT_BODY, .body = &login_schema, .answer = &signed_in_schema, FAILS(E_UNAUTHORIZED, E_FORBIDDEN, E_RATE_LIMITED, E_SETUP_REQUIRED),
		.summary = "Sign in; also sets the session's cookie."},
	{"POST", V1 "/auth/logout", "logout", logout_post, ACCESS_USER, ROUTE_SESSION, .status = 204,
		.summary = "End the session."},
	{"GET", V1 "/setup", "getSetup", setup_get, ACCESS_PUBLIC, .status = 200,
		.answer = &setup_state_schema, .summary = "Whether there is no administrator yet."},
	{"POST", V1 "/setup", "setup", setup_post, ACCESS_PUBLIC, ROUTE_PASSWORD, .status = 200,
		SHORT_BODY, .body = &setup_schema, .answer = &signed_in_schema,
		FAILS(E_UNAUTHORIZED, E_FORBIDDEN, E_CONFLICT, E_RATE_LIMITED),
		.summary = "Make the first administrator with the code that the server printed."},
	{"POST", V1 "/auth/link", "usePasswordLink", link_post, ACCESS_PUBLIC, ROUTE_PASSWORD, .status = 200,
		SHORT_BODY, .body = &link_use_schema, .answer = &signed_in_schema, FAILS(E_FORBIDDEN, E_EXPIRED, E_NOT_FOUND),
		.summary = "Set the password by a link of an administrator's, and sign in with it."},
	{"GET", V1 "/me", "getMe", me_get, ACCESS_USER, .status = 200,
		.answer = &user_schema, .summary = "Who is signed in."},
	{"POST", V1 "/me/password", "changePassword", password_post, ACCESS_USER, ROUTE_PASSWORD | ROUTE_SESSION, .status = 204,
		SHORT_BODY, .body = &password_schema, .summary = "Change the own password; all sessions of the user end, and the API keys unless told otherwise."},
};
/* clang-format on */
const struct route_set auth_routes = ROUTES(routes);
