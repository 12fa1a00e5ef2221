/* schema_chat.c - migrations of what belongs to conversations. */
#include "store/store_priv.h"

/* Deleting a folder leaves its conversations. `tags` is a JSON array (tags.h). */
const char schema_order[] =
	"CREATE TABLE folders ("
	"  id INTEGER PRIMARY KEY,"
	"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  folded TEXT NOT NULL,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  instructions TEXT NOT NULL DEFAULT '',"
	"  UNIQUE (user_id, folded)"
	") STRICT;"
	"ALTER TABLE conversations ADD COLUMN folder_id INTEGER REFERENCES folders(id) ON DELETE SET NULL;"
	"ALTER TABLE conversations ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';"
	"ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE conversations ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX conversations_folder ON conversations(folder_id) WHERE folder_id IS NOT NULL;"
	"CREATE INDEX conversations_bin ON conversations(deleted_at) WHERE deleted_at IS NOT NULL;"
	"ALTER TABLE messages ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;";
