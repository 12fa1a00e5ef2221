/* schema_media.c - migrations of files and pictures, and of what a person has set for all conversations. */
#include "store/store_priv.h"

/* A blob has its bytes as long as its row is there (blobs.h), and goes when no other table has it. Of a picture `sent` says that a message
 * had it, so nobody is still writing the message that shall have it; `n` is its place in the message, from 0 on. */
const char schema_images[] = "CREATE TABLE blobs ("
			     "  id INTEGER PRIMARY KEY,"
			     "  hash TEXT NOT NULL UNIQUE,"
			     "  size INTEGER NOT NULL,"
			     "  created_at INTEGER NOT NULL"
			     ") STRICT;"
			     "CREATE TABLE images ("
			     "  id INTEGER PRIMARY KEY,"
			     "  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
			     "  blob_id INTEGER NOT NULL REFERENCES blobs(id),"
			     "  media_type TEXT NOT NULL,"
			     "  width INTEGER NOT NULL,"
			     "  height INTEGER NOT NULL,"
			     "  name TEXT NOT NULL,"
			     "  sent INTEGER NOT NULL,"
			     "  created_at INTEGER NOT NULL"
			     ") STRICT;"
			     "CREATE INDEX images_user ON images(user_id);"
			     "CREATE INDEX images_blob ON images(blob_id);"
			     "CREATE TABLE message_images ("
			     "  message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
			     "  n INTEGER NOT NULL,"
			     "  image_id INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,"
			     "  PRIMARY KEY (message_id, n)"
			     ") STRICT;"
			     "CREATE INDEX message_images_image ON message_images(image_id);";

/* As message_images, of a question that waits. */
const char schema_queued_images[] = "CREATE TABLE queued_images ("
				    "  queued_id INTEGER NOT NULL REFERENCES queued(id) ON DELETE CASCADE,"
				    "  n INTEGER NOT NULL,"
				    "  image_id INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,"
				    "  PRIMARY KEY (queued_id, n)"
				    ") STRICT;"
				    "CREATE INDEX queued_images_image ON queued_images(image_id);";

/* Each is of one person. Without a row in memory_settings memories are not used; the default assistant is one at most, and goes with it. */
const char schema_memories[] = "CREATE TABLE memories ("
			       "  id INTEGER PRIMARY KEY,"
			       "  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
			       "  text TEXT NOT NULL,"
			       "  created_at INTEGER NOT NULL,"
			       "  updated_at INTEGER NOT NULL"
			       ") STRICT;"
			       "CREATE INDEX memories_user ON memories(user_id);"
			       "CREATE TABLE memory_settings ("
			       "  user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,"
			       "  enabled INTEGER NOT NULL"
			       ") STRICT;"
			       "CREATE TABLE default_assistants ("
			       "  user_id INTEGER PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,"
			       "  assistant_id INTEGER NOT NULL REFERENCES assistants(id) ON DELETE CASCADE"
			       ") STRICT;"
			       "CREATE INDEX default_assistants_assistant ON default_assistants(assistant_id);";

const char schema_faces[] =
	"ALTER TABLE assistants ADD COLUMN image_id INTEGER REFERENCES images(id) ON DELETE SET NULL;"
	"CREATE INDEX assistants_image ON assistants(image_id) WHERE image_id IS NOT NULL;"
	"ALTER TABLE assistant_versions ADD COLUMN image_id INTEGER REFERENCES images(id) ON DELETE SET NULL;"
	"CREATE INDEX assistant_versions_image ON assistant_versions(image_id) WHERE image_id IS NOT NULL;";
