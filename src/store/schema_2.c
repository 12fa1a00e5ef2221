/* schema_2.c - the second migration: providers, keys, usage, limits, jobs. */
#include "store/store_priv.h"

/*
 * Money is integer micro-units of the currency of the settings; prices are per million tokens. Keys of providers are
 * sealed (vault.h). Usage outlives users and keys, so it refers to them without a foreign key. usage_days is the sum of
 * usage by day (without refused calls), so that nobody has to add up all rows. Of the ids of a row of usage, 0 is "none". Of
 * everybody and of a model a limit has no subject_id (0). Times and numbers of calls of a provider that are 0 are those of
 * the settings.
 */
const char schema_2[] =
	"CREATE TABLE providers ("
	"  id INTEGER PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	"  kind TEXT NOT NULL,"
	"  url TEXT NOT NULL DEFAULT '',"
	"  version TEXT NOT NULL DEFAULT '',"
	"  key BLOB,"
	"  enabled INTEGER NOT NULL DEFAULT 1,"
	"  max_concurrent INTEGER NOT NULL DEFAULT 0,"
	"  connect_timeout_ms INTEGER NOT NULL DEFAULT 0,"
	"  first_byte_timeout_ms INTEGER NOT NULL DEFAULT 0,"
	"  token_timeout_ms INTEGER NOT NULL DEFAULT 0,"
	"  total_timeout_ms INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE model_routes ("
	"  id INTEGER PRIMARY KEY,"
	"  pattern TEXT NOT NULL UNIQUE,"
	"  targets TEXT NOT NULL," /* JSON array of model ids */
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE model_overrides ("
	"  model TEXT PRIMARY KEY,"
	"  name TEXT,"
	"  hidden INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE TABLE model_tasks (task TEXT PRIMARY KEY, model TEXT NOT NULL) STRICT;"

	"CREATE TABLE api_keys ("
	"  id INTEGER PRIMARY KEY,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  prefix TEXT NOT NULL," /* its first characters, to be told from others */
	"  hash BLOB NOT NULL UNIQUE,"
	"  scopes TEXT NOT NULL," /* words of: gateway api models */
	"  models TEXT,"          /* JSON array of ids and patterns; NULL: all */
	"  created_at INTEGER NOT NULL,"
	"  expires_at INTEGER,"
	"  last_used_at INTEGER"
	") STRICT;"
	"CREATE INDEX api_keys_user ON api_keys(user_id);"

	"CREATE TABLE groups ("
	"  id INTEGER PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
	"  created_at INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE group_members ("
	"  group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  PRIMARY KEY (group_id, user_id)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX group_members_user ON group_members(user_id);"

	"CREATE TABLE prices ("
	"  id INTEGER PRIMARY KEY,"
	"  pattern TEXT NOT NULL UNIQUE," /* of provider/model, with * and ? */
	"  input_micros INTEGER NOT NULL DEFAULT 0,"
	"  cached_micros INTEGER," /* NULL: as input */
	"  output_micros INTEGER NOT NULL DEFAULT 0,"
	"  request_micros INTEGER NOT NULL DEFAULT 0," /* for each call */
	"  updated_at INTEGER NOT NULL"
	") STRICT;"

	"CREATE TABLE limits ("
	"  id INTEGER PRIMARY KEY,"
	"  subject TEXT NOT NULL CHECK (subject IN ('everyone', 'user', 'group', 'key', 'model')),"
	"  subject_id INTEGER NOT NULL DEFAULT 0," /* of user, group, key */
	"  model TEXT NOT NULL DEFAULT '',"        /* id or pattern of those that count; all */
	"  measure TEXT NOT NULL CHECK (measure IN ('requests', 'tokens', 'money')),"
	"  period TEXT NOT NULL CHECK (period IN ('minute', 'hour', 'day', 'month')),"
	"  amount INTEGER NOT NULL CHECK (amount >= 0),"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  UNIQUE (subject, subject_id, model, measure, period)"
	") STRICT;"

	"CREATE TABLE usage ("
	"  id INTEGER PRIMARY KEY,"
	"  at INTEGER NOT NULL," /* when the call ended, Unix ms */
	"  user_id INTEGER NOT NULL,"
	"  key_id INTEGER NOT NULL DEFAULT 0,"
	"  conversation_id INTEGER NOT NULL DEFAULT 0,"
	"  purpose TEXT NOT NULL,"
	"  provider TEXT NOT NULL,"
	"  model TEXT NOT NULL,"
	"  asked TEXT NOT NULL DEFAULT ''," /* the name asked for, when it is not the model's */
	"  outcome TEXT NOT NULL,"          /* complete, canceled, failed, refused */
	"  error_code TEXT,"
	"  tokens_in INTEGER NOT NULL DEFAULT 0,"
	"  tokens_out INTEGER NOT NULL DEFAULT 0,"
	"  tokens_cached INTEGER NOT NULL DEFAULT 0,"
	"  tokens_reasoning INTEGER NOT NULL DEFAULT 0,"
	"  tokens_exact INTEGER NOT NULL DEFAULT 0,"
	"  first_token_ms INTEGER NOT NULL DEFAULT -1," /* -1: none came */
	"  duration_ms INTEGER NOT NULL DEFAULT 0,"
	"  queued_ms INTEGER NOT NULL DEFAULT 0,"
	"  tries INTEGER NOT NULL DEFAULT 0,"
	"  cost_micros INTEGER NOT NULL DEFAULT 0"
	") STRICT;"
	"CREATE INDEX usage_user ON usage(user_id, id);"
	"CREATE INDEX usage_at ON usage(at);"
	"CREATE INDEX usage_renamed ON usage(at) WHERE asked <> '';"

	"CREATE TABLE usage_days ("
	"  day INTEGER NOT NULL," /* days since 1970-01-01, UTC */
	"  user_id INTEGER NOT NULL,"
	"  key_id INTEGER NOT NULL,"
	"  provider TEXT NOT NULL,"
	"  model TEXT NOT NULL,"
	"  requests INTEGER NOT NULL,"
	"  failed INTEGER NOT NULL,"
	"  tokens_in INTEGER NOT NULL,"
	"  tokens_out INTEGER NOT NULL,"
	"  tokens_cached INTEGER NOT NULL,"
	"  tokens_reasoning INTEGER NOT NULL,"
	"  first_token_ms INTEGER NOT NULL," /* this and duration_ms: sums over the calls that had a first token */
	"  first_tokens INTEGER NOT NULL,"   /* how many those are */
	"  duration_ms INTEGER NOT NULL,"
	"  cost_micros INTEGER NOT NULL,"
	"  PRIMARY KEY (day, user_id, key_id, provider, model)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE jobs ("
	"  id INTEGER PRIMARY KEY,"
	"  kind TEXT NOT NULL,"
	"  state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'complete', 'failed', 'canceled')),"
	"  user_id INTEGER NOT NULL,"
	"  title TEXT NOT NULL,"
	"  params TEXT NOT NULL," /* JSON, by kind */
	"  progress TEXT,"        /* JSON, by kind */
	"  error_code TEXT,"
	"  error_text TEXT,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  ended_at INTEGER"
	") STRICT;"
	"CREATE INDEX jobs_open ON jobs(state) WHERE state IN ('queued', 'running');";

/* A limit goes with what it limits. */
const char triggers_sqlite[] = "CREATE TRIGGER users_limits AFTER DELETE ON users BEGIN"
			       "  DELETE FROM limits WHERE subject = 'user' AND subject_id = old.id; END;"
			       "CREATE TRIGGER groups_limits AFTER DELETE ON groups BEGIN"
			       "  DELETE FROM limits WHERE subject = 'group' AND subject_id = old.id; END;"
			       "CREATE TRIGGER api_keys_limits AFTER DELETE ON api_keys BEGIN"
			       "  DELETE FROM limits WHERE subject = 'key' AND subject_id = old.id; END;";

#define GONE(table, subject)                                                                                           \
	"CREATE FUNCTION " table "_limits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"                              \
	"  DELETE FROM limits WHERE subject = '" subject "' AND subject_id = old.id; RETURN NULL; END $$;"             \
	"CREATE TRIGGER " table "_limits AFTER DELETE ON " table " FOR EACH ROW EXECUTE FUNCTION " table "_limits();"
const char triggers_postgres[] =
	/* SQLite compares these names so by their column. */
	"CREATE UNIQUE INDEX providers_name ON providers(lower(name));" GONE("users", "user") GONE("groups", "group")
		GONE("api_keys", "key");
