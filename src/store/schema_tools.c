/* schema_tools.c - tools: servers that offer them, secrets for these, and what people say of single ones. */
#include "store/store_priv.h"

/* `config` and `tools` are JSON; `tools` is what the server said it offers, when it was asked last. Of tool_secrets and
 * tool_choices the user 0 is everybody; what a choice does not say is NULL. A rule allows a tool for one person as it was, by its hash,
 * in one conversation or everywhere. */
const char schema_tools[] =
	"CREATE TABLE tool_servers ("
	"  id INTEGER PRIMARY KEY,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  folded TEXT NOT NULL,"
	"  kind TEXT NOT NULL,"
	"  prefix TEXT NOT NULL,"
	"  config TEXT NOT NULL,"
	"  enabled INTEGER NOT NULL,"
	"  trusted INTEGER NOT NULL,"
	"  per_user INTEGER NOT NULL,"
	"  state TEXT NOT NULL DEFAULT 'new',"
	"  error TEXT,"
	"  tools TEXT NOT NULL DEFAULT '[]',"
	"  refreshed_at INTEGER NOT NULL DEFAULT 0,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  UNIQUE (user_id, folded)"
	") STRICT;"
	"CREATE TABLE tool_secrets ("
	"  id INTEGER PRIMARY KEY,"
	"  server_id INTEGER NOT NULL REFERENCES tool_servers(id) ON DELETE CASCADE,"
	"  user_id INTEGER NOT NULL,"
	"  sealed BLOB NOT NULL,"
	"  UNIQUE (server_id, user_id)"
	") STRICT;"
	"CREATE TABLE tool_choices ("
	"  id INTEGER PRIMARY KEY,"
	"  user_id INTEGER NOT NULL,"
	"  name TEXT NOT NULL,"
	"  enabled INTEGER,"
	"  asks INTEGER,"
	"  UNIQUE (user_id, name)"
	") STRICT;"
	"CREATE TABLE tool_rules ("
	"  id INTEGER PRIMARY KEY,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  conversation_id INTEGER REFERENCES conversations(id) ON DELETE CASCADE," /* NULL: everywhere */
	"  name TEXT NOT NULL,"
	"  hash TEXT NOT NULL,"
	"  created_at INTEGER NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX tool_rules_always ON tool_rules(user_id, name, hash) WHERE conversation_id IS NULL;"
	"CREATE UNIQUE INDEX tool_rules_here ON tool_rules(conversation_id, user_id, name, hash)"
	" WHERE conversation_id IS NOT NULL;";

/* The tools that answers may use, as JSON: true, or a list of names; of a question that waits, too. */
const char schema_tool_wishes[] = "ALTER TABLE conversations ADD COLUMN tools TEXT;"
				  "ALTER TABLE assistants ADD COLUMN tools TEXT;"
				  "ALTER TABLE assistant_versions ADD COLUMN tools TEXT;"
				  "ALTER TABLE queued ADD COLUMN tools TEXT;";

/* What makes an agent of an assistant: JSON list of the ids of others that it may call, whether it plans, and what its answers may
 * take (JSON object; NULL: as much as any). */
const char schema_agents[] = "ALTER TABLE assistants ADD COLUMN agents TEXT NOT NULL DEFAULT '[]';"
			     "ALTER TABLE assistants ADD COLUMN plans INTEGER NOT NULL DEFAULT 0;"
			     "ALTER TABLE assistants ADD COLUMN budget TEXT;"
			     "ALTER TABLE assistant_versions ADD COLUMN agents TEXT NOT NULL DEFAULT '[]';"
			     "ALTER TABLE assistant_versions ADD COLUMN plans INTEGER NOT NULL DEFAULT 0;"
			     "ALTER TABLE assistant_versions ADD COLUMN budget TEXT;";

/* What a turn was asked with, as turn/resume.c writes it, so that it goes on after it waited; and its calls of tools that a person
 * is asked for, or that may change something. */
const char schema_turn_calls[] = "ALTER TABLE turns ADD COLUMN request TEXT;"
				 "CREATE INDEX turns_waiting_in ON turns(conversation_id) WHERE state = 'waiting';"
				 "CREATE TABLE turn_calls ("
				 "  id INTEGER PRIMARY KEY,"
				 "  turn_id INTEGER NOT NULL REFERENCES turns(id) ON DELETE CASCADE,"
				 "  call_id TEXT NOT NULL,"
				 "  name TEXT NOT NULL,"
				 "  hash TEXT NOT NULL,"
				 "  title TEXT NOT NULL,"
				 "  arguments TEXT NOT NULL,"
				 "  effect TEXT NOT NULL,"
				 "  state TEXT NOT NULL,"
				 "  decision TEXT,"
				 "  reason TEXT,"
				 "  unknown INTEGER NOT NULL,"
				 "  expires_at INTEGER NOT NULL,"
				 "  created_at INTEGER NOT NULL,"
				 "  UNIQUE (turn_id, call_id)"
				 ") STRICT;"
				 "CREATE INDEX turn_calls_asked ON turn_calls(expires_at) WHERE state = 'asked';";

/* What tools made for answers; which messages have it. A file that no message has any more is to go. */
const char schema_files[] = "CREATE TABLE files ("
			    "  id INTEGER PRIMARY KEY,"
			    "  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
			    "  blob_id INTEGER NOT NULL REFERENCES blobs(id),"
			    "  name TEXT NOT NULL,"
			    "  media_type TEXT NOT NULL,"
			    "  created_at INTEGER NOT NULL"
			    ") STRICT;"
			    "CREATE INDEX files_user ON files(user_id);"
			    "CREATE INDEX files_blob ON files(blob_id);"
			    "CREATE TABLE message_files ("
			    "  message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
			    "  file_id INTEGER NOT NULL REFERENCES files(id) ON DELETE CASCADE,"
			    "  PRIMARY KEY (message_id, file_id)"
			    ") STRICT;"
			    "CREATE INDEX message_files_file ON message_files(file_id);";
