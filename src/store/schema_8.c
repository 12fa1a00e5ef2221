/* schema_8.c - the eighth migration: messages become parts, roles and states become free. */
#include "store/store_priv.h"

/*
 * Invariants. A message's `parts` are NULL where its content is all there is; `content` is always the text of the parts put
 * together, which is what prompts, names and searches read. Both tables are made anew, since SQLite changes no rule of a
 * column: which roles and states there are is the program's affair (messages.h). Long columns stand last.
 */
#define MESSAGES(name)                                                                                                 \
	"CREATE TABLE " name " ("                                                                                      \
	"  id INTEGER PRIMARY KEY,"                                                                                    \
	"  conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"                           \
	"  parent_id INTEGER REFERENCES messages(id),"                                                                 \
	"  turn_id INTEGER,"                                                                                           \
	"  role TEXT NOT NULL,"                                                                                        \
	"  state TEXT NOT NULL,"                                                                                       \
	"  model TEXT,"                                                                                                \
	"  error_code TEXT,"                                                                                           \
	"  error_text TEXT,"                                                                                           \
	"  finish_reason TEXT,"                                                                                        \
	"  tokens_in INTEGER NOT NULL DEFAULT 0,"                                                                      \
	"  tokens_out INTEGER NOT NULL DEFAULT 0,"                                                                     \
	"  tokens_cached INTEGER NOT NULL DEFAULT 0,"                                                                  \
	"  tokens_reasoning INTEGER NOT NULL DEFAULT 0,"                                                               \
	"  tokens_exact INTEGER NOT NULL DEFAULT 0,"                                                                   \
	"  cost_micros INTEGER NOT NULL DEFAULT 0,"                                                                    \
	"  first_token_ms INTEGER NOT NULL DEFAULT 0,"                                                                 \
	"  duration_ms INTEGER NOT NULL DEFAULT 0,"                                                                    \
	"  created_at INTEGER NOT NULL,"                                                                               \
	"  content TEXT NOT NULL DEFAULT '',"                                                                          \
	"  parts TEXT"                                                                                                 \
	") STRICT;"

/* Before, an answer was its reasoning, its text and its sources. */
#define PARTS_OF_BEFORE                                                                                                \
	"CASE WHEN reasoning = '' AND citations IS NULL THEN NULL ELSE ("                                              \
	" SELECT json_group_array(json(part)) FROM ("                                                                  \
	"  SELECT json_object('type', 'reasoning', 'text', reasoning) AS part WHERE reasoning <> ''"                   \
	"  UNION ALL SELECT json_object('type', 'text', 'text', content) WHERE content <> ''"                          \
	"  UNION ALL SELECT json_object('type', 'citation', 'n', coalesce(json_extract(value, '$.n'), key + 1),"       \
	"   'title', coalesce(json_extract(value, '$.title'), ''), 'url', coalesce(json_extract(value, '$.url'), '')," \
	"   'quote', coalesce(json_extract(value, '$.quote'), ''))"                                                    \
	"  FROM json_each(coalesce(citations, '[]')))) END"

const char schema_8_sqlite[] = MESSAGES(
	"messages_new") "INSERT INTO messages_new (id, conversation_id, parent_id, turn_id, role, state, model, "
			"error_code, error_text,"
			" finish_reason, tokens_in, tokens_out, tokens_exact, first_token_ms, duration_ms, created_at, "
			"content, parts)"
			" SELECT id, conversation_id, parent_id, turn_id, role, state, model, error_code, error_text,"
			" finish_reason, tokens_in, tokens_out, tokens_exact, first_token_ms, duration_ms, created_at, "
			"content,"
			" " PARTS_OF_BEFORE " FROM messages ORDER BY id;"
			"DROP TABLE messages;"
			"ALTER TABLE messages_new RENAME TO messages;"
			"CREATE INDEX messages_conversation ON messages(conversation_id);"
			"CREATE INDEX messages_parent ON messages(parent_id);"

			"CREATE TABLE turns_new ("
			"  id INTEGER PRIMARY KEY,"
			"  conversation_id INTEGER NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,"
			"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
			"  user_message_id INTEGER NOT NULL,"
			"  message_id INTEGER NOT NULL,"
			"  model TEXT NOT NULL,"
			"  continues INTEGER NOT NULL DEFAULT 0,"
			"  state TEXT NOT NULL,"
			"  last_seq INTEGER NOT NULL DEFAULT 0,"
			"  created_at INTEGER NOT NULL,"
			"  ended_at INTEGER,"
			"  log_size INTEGER NOT NULL DEFAULT 0,"
			"  node INTEGER NOT NULL DEFAULT 0,"
			"  log BLOB"
			") STRICT;"
			"INSERT INTO turns_new SELECT id, conversation_id, user_id, user_message_id, message_id, "
			"model, continues,"
			" state, last_seq, created_at, ended_at, log_size, node, log FROM turns ORDER BY id;"
			"DROP TABLE turns;"
			"ALTER TABLE turns_new RENAME TO turns;"
			"CREATE INDEX turns_conversation ON turns(conversation_id);"
			"CREATE INDEX turns_user ON turns(user_id);"
			"CREATE UNIQUE INDEX turns_running ON turns(conversation_id) WHERE state = 'running';";

/* There are no databases of before. */
const char schema_8_postgres[] =
	"ALTER TABLE messages DROP CONSTRAINT messages_role_check, DROP CONSTRAINT messages_state_check,"
	" DROP COLUMN reasoning, DROP COLUMN citations,"
	" ADD COLUMN tokens_cached INTEGER NOT NULL DEFAULT 0, ADD COLUMN tokens_reasoning INTEGER NOT NULL DEFAULT 0,"
	" ADD COLUMN cost_micros INTEGER NOT NULL DEFAULT 0, ADD COLUMN parts TEXT;"
	"ALTER TABLE turns DROP CONSTRAINT turns_state_check;";
