/* schema_documents.c - migrations of collections, documents and their texts. */
#include "store/store_priv.h"

/*
 * A document is a file in a collection; `text_id` is what was read from it and is searched, which stays while a newer file is
 * being read. A text is made beside (`ready` 0) and shown in one transaction; documents of the same bytes share it. `revision`
 * rises with each change in a collection, and is noted at what changed, so that whoever holds an index in memory knows what
 * to read; `removed` is the revision in which something was taken out. The pieces of a text lie one behind another without a
 * gap; its passages are numbered from 0 on in the order of the text, and each has the bytes from start_at up to end_at. Long
 * columns stand last.
 */
const char schema_documents[] = "CREATE TABLE collections ("
				"  id INTEGER PRIMARY KEY,"
				"  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
				"  conversation_id INTEGER UNIQUE REFERENCES conversations(id) ON DELETE CASCADE,"
				"  name TEXT NOT NULL,"
				"  folded TEXT NOT NULL,"
				"  passage_tokens INTEGER NOT NULL DEFAULT 128,"
				"  passages INTEGER NOT NULL DEFAULT 8,"
				"  revision INTEGER NOT NULL DEFAULT 0,"
				"  removed INTEGER NOT NULL DEFAULT 0,"
				"  created_at INTEGER NOT NULL,"
				"  updated_at INTEGER NOT NULL,"
				"  description TEXT NOT NULL DEFAULT '',"
				"  UNIQUE (user_id, folded)"
				") STRICT;"
				"CREATE TABLE texts ("
				"  id INTEGER PRIMARY KEY,"
				"  hash TEXT NOT NULL," /* of the file's bytes */
				"  recipe TEXT NOT NULL,"
				"  ready INTEGER NOT NULL DEFAULT 0,"
				"  document_id INTEGER NOT NULL," /* for which it was made; that may be gone */
				"  language TEXT NOT NULL DEFAULT '',"
				"  bytes INTEGER NOT NULL DEFAULT 0,"
				"  pages INTEGER NOT NULL DEFAULT 0,"
				"  passages INTEGER NOT NULL DEFAULT 0,"
				"  created_at INTEGER NOT NULL,"
				"  warnings TEXT NOT NULL DEFAULT '[]',"
				"  postings BLOB"
				") STRICT;"
				"CREATE UNIQUE INDEX texts_same ON texts(hash, recipe) WHERE ready = 1;"
				"CREATE INDEX texts_document ON texts(document_id) WHERE ready = 0;"
				"CREATE TABLE text_pieces ("
				"  text_id INTEGER NOT NULL REFERENCES texts(id) ON DELETE CASCADE,"
				"  start_at INTEGER NOT NULL,"
				"  bytes BLOB NOT NULL,"
				"  PRIMARY KEY (text_id, start_at)"
				") STRICT;"
				"CREATE TABLE passages ("
				"  id INTEGER PRIMARY KEY,"
				"  text_id INTEGER NOT NULL REFERENCES texts(id) ON DELETE CASCADE,"
				"  n INTEGER NOT NULL,"
				"  start_at INTEGER NOT NULL,"
				"  end_at INTEGER NOT NULL,"
				"  page INTEGER NOT NULL,"
				"  heading TEXT NOT NULL,"
				"  UNIQUE (text_id, n)"
				") STRICT;"
				"CREATE TABLE documents ("
				"  id INTEGER PRIMARY KEY,"
				"  collection_id INTEGER NOT NULL REFERENCES collections(id) ON DELETE CASCADE,"
				"  user_id INTEGER REFERENCES users(id) ON DELETE SET NULL," /* who brought it */
				"  blob_id INTEGER NOT NULL REFERENCES blobs(id),"
				"  text_id INTEGER REFERENCES texts(id),"
				"  job_id INTEGER NOT NULL DEFAULT 0,"
				"  revision INTEGER NOT NULL DEFAULT 0,"
				"  name TEXT NOT NULL,"
				"  state TEXT NOT NULL,"
				"  error_code TEXT,"
				"  error_text TEXT,"
				"  created_at INTEGER NOT NULL,"
				"  updated_at INTEGER NOT NULL"
				") STRICT;"
				"CREATE INDEX documents_collection ON documents(collection_id, id);"
				"CREATE INDEX documents_changed ON documents(collection_id, revision);"
				"CREATE INDEX documents_user ON documents(user_id);"
				"CREATE INDEX documents_blob ON documents(blob_id);"
				"CREATE INDEX documents_text ON documents(text_id) WHERE text_id IS NOT NULL;";

/* Pages, slides, sheets, chapters, numbered by `n` from 0 on in the order of the text; `number` is what is told of each. `boxes`: where
 * the words of a page stand (rag/pages.h). */
const char schema_pages[] = "CREATE TABLE text_pages ("
			    "  text_id INTEGER NOT NULL REFERENCES texts(id) ON DELETE CASCADE,"
			    "  n INTEGER NOT NULL,"
			    "  number INTEGER NOT NULL,"
			    "  kind TEXT NOT NULL,"
			    "  label TEXT NOT NULL,"
			    "  start_at INTEGER NOT NULL,"
			    "  end_at INTEGER NOT NULL,"
			    "  width INTEGER NOT NULL,"
			    "  height INTEGER NOT NULL,"
			    "  boxes BLOB NOT NULL,"
			    "  PRIMARY KEY (text_id, n)"
			    ") STRICT;"
			    "CREATE INDEX text_pages_number ON text_pages(text_id, number);"
			    "ALTER TABLE texts ADD COLUMN format TEXT NOT NULL DEFAULT '';";

/* `embedding_model`: that was chosen; "": whatever there is. `threshold`: percent of the best hit. */
const char schema_search_settings[] = "ALTER TABLE collections ADD COLUMN embedding_model TEXT NOT NULL DEFAULT '';"
				      "ALTER TABLE collections ADD COLUMN overlap INTEGER NOT NULL DEFAULT 0;"
				      "ALTER TABLE collections ADD COLUMN threshold INTEGER NOT NULL DEFAULT 0;"
				      "ALTER TABLE collections ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;";

const char schema_reranking[] = "ALTER TABLE collections ADD COLUMN reranker TEXT NOT NULL DEFAULT '';"
				"ALTER TABLE collections ADD COLUMN rewrite INTEGER NOT NULL DEFAULT 0;";

/* Collections that come with an assistant: a JSON array of ids. `history`: answers may draw on what their person said before. */
const char schema_assistant_places[] =
	"ALTER TABLE assistants ADD COLUMN collections TEXT NOT NULL DEFAULT '[]';"
	"ALTER TABLE assistants ADD COLUMN history INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE assistant_versions ADD COLUMN collections TEXT NOT NULL DEFAULT '[]';"
	"ALTER TABLE assistant_versions ADD COLUMN history INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE conversations ADD COLUMN history INTEGER NOT NULL DEFAULT 0;";

/* Of a question with its answer, by the answer, whose vector is gone as soon as its text is another. Ids rise in the order in which
 * they were made. */
const char schema_exchange_vectors[] = "CREATE TABLE exchange_vectors ("
				       "  id INTEGER PRIMARY KEY,"
				       "  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
				       "  message_id INTEGER NOT NULL REFERENCES messages(id) ON DELETE CASCADE,"
				       "  identity TEXT NOT NULL,"
				       "  bytes BLOB NOT NULL,"
				       "  UNIQUE (message_id, identity)"
				       ") STRICT;"
				       "CREATE INDEX exchange_vectors_made ON exchange_vectors(user_id, identity, id);";
const char exchange_vectors_sqlite[] = "CREATE TRIGGER exchange_vectors_stale AFTER UPDATE OF content ON messages WHEN "
				       "new.content <> old.content BEGIN"
				       "  DELETE FROM exchange_vectors WHERE message_id = new.id; END;";
const char exchange_vectors_postgres[] =
	"CREATE FUNCTION exchange_vectors_stale() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	"  DELETE FROM exchange_vectors WHERE message_id = new.id; RETURN NULL; END $$;"
	"CREATE TRIGGER exchange_vectors_stale AFTER UPDATE OF content ON messages FOR EACH ROW"
	" WHEN (new.content <> old.content) EXECUTE FUNCTION exchange_vectors_stale();";

/* What is searched for a question that waits: each row has one of both. */
const char schema_queued_places[] =
	"CREATE TABLE queued_places ("
	"  queued_id INTEGER NOT NULL REFERENCES queued(id) ON DELETE CASCADE,"
	"  n INTEGER NOT NULL,"
	"  collection_id INTEGER REFERENCES collections(id) ON DELETE CASCADE,"
	"  document_id INTEGER REFERENCES documents(id) ON DELETE CASCADE,"
	"  PRIMARY KEY (queued_id, n)"
	") STRICT;"
	"CREATE INDEX queued_places_collection ON queued_places(collection_id) WHERE collection_id IS NOT NULL;"
	"CREATE INDEX queued_places_document ON queued_places(document_id) WHERE document_id IS NOT NULL;";

/* Of a text and an identity the vectors are from n = 0 on without a gap, one for each passage, all of the same length, and never changed. */
/* `identity`: by what vectors a collection is searched; "": by none. `weight`: of them, in percent. */
const char schema_vectors[] = "CREATE TABLE vectors ("
			      "  text_id INTEGER NOT NULL REFERENCES texts(id) ON DELETE CASCADE,"
			      "  identity TEXT NOT NULL,"
			      "  n INTEGER NOT NULL,"
			      "  bytes BLOB NOT NULL,"
			      "  PRIMARY KEY (text_id, identity, n)"
			      ") STRICT;"
			      "ALTER TABLE collections ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
			      "ALTER TABLE collections ADD COLUMN mode TEXT NOT NULL DEFAULT 'hybrid';"
			      "ALTER TABLE collections ADD COLUMN weight INTEGER NOT NULL DEFAULT 50;";

/* `words`: of what version the postings are, which was a part of the recipe: of the last one it is taken out, so that the same file is
 * known again. What is older is found by no recipe, as before. */
const char schema_words[] = "ALTER TABLE texts ADD COLUMN words INTEGER NOT NULL DEFAULT 0;"
			    "UPDATE texts SET words = 2, recipe = replace(recipe, ' words 2 ', ' ')"
			    " WHERE recipe LIKE '% words 2 %';"
			    "CREATE INDEX texts_outdated ON texts(words, id) WHERE ready = 1;";

/* The vector store that was configured, at most one; and which texts it has copies of: these rows outlive their texts. */
const char schema_vector_stores[] = "CREATE TABLE vector_stores ("
				    "  id INTEGER PRIMARY KEY,"
				    "  kind TEXT NOT NULL,"
				    "  url TEXT NOT NULL,"
				    "  name TEXT NOT NULL,"
				    "  updated_at INTEGER NOT NULL,"
				    "  key BLOB" /* sealed */
				    ") STRICT;"
				    "CREATE TABLE vector_copies ("
				    "  text_id INTEGER NOT NULL,"
				    "  identity TEXT NOT NULL,"
				    "  PRIMARY KEY (text_id, identity)"
				    ") STRICT;";
