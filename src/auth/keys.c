/* keys.c - API keys: made, recognized, and what they allow. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "auth/auth_priv.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/pattern.h"
#include "store/keys.h"

#define TOUCH_MS   ((int64_t)60 * 1000) /* a key's last use is written at most this often */
#define MODELS_MAX (64u << 10)          /* bytes of a key's list of models */

bool auth_is_api_key(const char *token)
{
	return token && strncmp(token, AUTH_KEY_PREFIX, sizeof(AUTH_KEY_PREFIX) - 1) == 0;
}

void auth_key_hash(const char *key, unsigned char ret[AUTH_HASH_LEN])
{
	crypto_hash_sha256(ret, (const unsigned char *)key, strlen(key));
}

/* ---- scopes and models as text ---- */

/* Stored with each key: a word keeps its meaning, and is never taken out. */
static const struct {
	const char *word;
	unsigned bit;
} scope_words[] = {
	{"gateway", AUTH_SCOPE_GATEWAY},
	{"api", AUTH_SCOPE_API},
	{"models", AUTH_SCOPE_MODELS},
};

unsigned auth_scopes_parse(const char *words)
{
	unsigned bits = 0;

	for (size_t i = 0; i < N_ELEMENTS(scope_words); i++)
		if (str_word_place(words, str_from(scope_words[i].word)) >= 0)
			bits |= scope_words[i].bit;
	return bits;
}

void auth_scopes_format(unsigned scopes, char ret[AUTH_SCOPES_MAX])
{
	char *at = ret;

	*at = '\0';
	for (size_t i = 0; i < N_ELEMENTS(scope_words); i++) {
		if (!(scopes & scope_words[i].bit))
			continue;
		if (at != ret)
			*at++ = ' ';
		at = stpcpy(at, scope_words[i].word);
	}
}

static int full(struct err *e)
{
	return err_set(e, -ENOMEM, "An API key's models do not fit the memory of the request.");
}

int auth_models_parse(const char *json, struct arena *mem, const char *const **ret, size_t *ret_n, struct err *e)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	const char **models;
	size_t n;
	int r;

	*ret = NULL;
	*ret_n = 0;
	if (!json)
		return 0;
	r = json_parse(json, strlen(json), &list, e);
	if (r < 0)
		return r;
	n = json_array_size(list);
	models = ARENA_ARRAY(mem, const char *, n + 1); /* one more: an empty list allows nothing and is not NULL */
	if (!models)
		return full(e);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		models[i] = arena_strdup(mem, text ? text : "");
		if (!models[i])
			return full(e);
	}
	*ret = models;
	*ret_n = n;
	return 0;
}

int auth_models_format(const char *const *models, size_t n, struct arena *mem, const char **ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(MODELS_MAX);

	buf_add_char(&b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(&b, ',');
		json_add_cstr(&b, models[i]);
	}
	buf_add_char(&b, ']');
	if (buf_status(&b) < 0)
		return buf_status(&b);
	*ret = arena_strndup(mem, b.p, b.n);
	return *ret ? 0 : -ENOMEM;
}

/* Ollama's models have a tag; without one `latest` is meant. */
static bool is_latest_of(const char *name, const char *id)
{
	size_t n = strlen(name);

	return strncmp(id, name, n) == 0 && strcmp(id + n, ":latest") == 0;
}

bool auth_key_allows_model(const struct auth_identity *who, const char *model_id)
{
	if (!who->models)
		return true;
	for (size_t i = 0; i < who->n_models; i++) {
		if (pattern_matches(who->models[i], model_id) || is_latest_of(who->models[i], model_id))
			return true;
	}
	return false;
}

/* ---- a new key ---- */

int auth_key_create(struct auth *a, const struct auth_key_new *in, char ret_key[AUTH_API_KEY_LEN + 1],
	atelier_id *ret_id, struct err *e)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char prefix[AUTH_KEY_SHOWN + 1], scopes[AUTH_SCOPES_MAX], token[AUTH_TOKEN_LEN + 1];
	struct arena mem;
	const char *models = NULL;
	int r = 0;

	ASSERT_IS(a, AUTH_MAGIC);
	auth_make_token(token);
	snprintf(ret_key, AUTH_API_KEY_LEN + 1, AUTH_KEY_PREFIX "%s", in->token ? in->token : token);
	sodium_memzero(token, sizeof(token));
	memcpy(prefix, ret_key, AUTH_KEY_SHOWN);
	prefix[AUTH_KEY_SHOWN] = '\0';
	auth_key_hash(ret_key, hash);
	auth_scopes_format(in->scopes, scopes);
	arena_init(&mem, 2 * MODELS_MAX);
	if (in->models)
		r = auth_models_format(in->models, in->n_models, &mem, &models);
	if (r == E_TOO_LARGE)
		err_set(e, r, "The list of models of an API key has at most %u bytes.", MODELS_MAX);
	if (r < 0)
		err_set(e, r, "no memory left for the models of an API key");
	else
		r = keys_create(a->db,
			&(struct api_key){.user_id = in->user_id,
				.name = in->name,
				.prefix = prefix,
				.scopes = scopes,
				.models = models,
				.hash = {(const char *)hash, sizeof(hash)},
				.expires_at = in->expires_at,
				.token_ends_at = in->token_ends_at,
				.first_hash = {in->token_ends_at ? (const char *)hash : NULL,
					in->token_ends_at ? sizeof(hash) : 0}},
			ret_id, e);
	arena_done(&mem);
	if (r < 0)
		sodium_memzero(ret_key, AUTH_API_KEY_LEN + 1);
	return r;
}

/* ---- who has a key ---- */

static void key_touch(struct auth *a, atelier_id id, int64_t last_used_at, int64_t now)
{
	if (auth_touch_is_due(a, id, last_used_at, now, TOUCH_MS))
		keys_touch(a->db, id, now);
}

static bool has_ended(const struct auth_identity *who, int64_t now)
{
	return (who->expires_at && who->expires_at <= now) || (who->token_ends_at && who->token_ends_at <= now);
}

bool auth_identify_known(struct auth *a, const char *key, struct arena *mem, struct auth_identity *ret)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	int64_t now = clock_now_ms(), last_used_at;
	struct auth_identity who;

	ASSERT_IS(a, AUTH_MAGIC);
	if (!auth_is_api_key(key) || strlen(key) != AUTH_API_KEY_LEN)
		return false;
	auth_key_hash(key, hash);
	if (!known_keys_find(a, hash, mem, &who, &last_used_at) || has_ended(&who, now))
		return false;
	key_touch(a, who.key_id, last_used_at, now);
	*ret = who;
	return true;
}

int auth_identify_key(
	struct auth *a, struct db_conn *c, const char *key, struct arena *mem, struct auth_identity *ret, struct err *e)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	struct auth_identity who = {0};
	struct api_key k = {0};
	int64_t now = clock_now_ms();
	int r;

	ASSERT_IS(a, AUTH_MAGIC);
	if (strlen(key) != AUTH_API_KEY_LEN)
		return err_set(
			e, E_UNAUTHORIZED, "This is no whole API key: one has %zu characters.", AUTH_API_KEY_LEN);
	auth_key_hash(key, hash);
	uint64_t stamp = db_stamp(a->db);
	r = keys_find(c, hash, sizeof(hash), now, mem, &k, &who.user, e);
	if (r < 0)
		return r;
	r = auth_models_parse(k.models, mem, &who.models, &who.n_models, e);
	if (r < 0)
		return r;
	who.key_id = k.id;
	who.expires_at = k.expires_at;
	who.token_ends_at = k.token_ends_at;
	who.scopes = auth_scopes_parse(k.scopes);
	key_touch(a, k.id, k.last_used_at, now);
	known_keys_add(a, hash, &who, k.last_used_at, stamp);
	*ret = who;
	return 0;
}

int auth_identify_open(struct auth *a, struct db_conn *c, const char *host, struct arena *mem,
	struct auth_identity *ret, struct err *e)
{
	const char *name = a->settings->gateway_open_user;
	struct err quiet = {0};
	struct user user;
	int r;

	ASSERT_IS(a, AUTH_MAGIC);
	if (!*name)
		return err_set(
			e, E_UNAUTHORIZED, "An API key is needed: \"Authorization: Bearer " AUTH_KEY_PREFIX "...\".");
	if (!auth_is_our_host(a->settings, host))
		return err_set(e, E_FORBIDDEN,
			"Without an API key Atelier answers only under its own names, and \"%.100s\" is none of them. "
			"Use a "
			"key, or add the name to the setting gateway_open_hosts.",
			host ? host : "");
	r = users_by_name(c, name, mem, &user, &quiet);
	if (r < 0 && r != E_NOT_FOUND)
		return err_set(e, r, "%s", quiet.msg);
	if (r < 0 || user.disabled)
		return err_set(
			e, E_UNAUTHORIZED, "An API key is needed: gateway_open_user names nobody who may sign in.");
	*ret = (struct auth_identity){.user = user, .scopes = AUTH_SCOPE_GATEWAY, .by_cookie = true};
	return 0;
}
