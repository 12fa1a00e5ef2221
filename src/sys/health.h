/*
 * health.h - what does not work at the moment, in words. Whoever notices says so; /health/ready, /health and the log tell.
 */
#pragma once

#include "base/err.h"

/* name, ready: whether the program can do its work without it, words for anybody.   The sentence is for the administrator. */
#define HEALTH_TABLE(X)                                                                                                \
	X(data_folder, false, "data folder gone")                                                                      \
	X(disk, false, "disk full or read-only")                                                                       \
	X(database, false, "database damaged")                                                                         \
	X(database_access, false, "database cannot be reached or written")                                             \
	X(writer, false, "database held by another program")                                                           \
	X(journal, false, "journal cannot be written")                                                                 \
	X(workers, false, "no thread for requests")                                                                    \
	X(memory, false, "memory used up")                                                                             \
	X(database_log, true, "the database has lost something")                                                       \
	X(certificate, true, "certificate")                                                                            \
	X(documents, true, "not all documents can be read")                                                            \
	X(vector_store, true, "vector store")                                                                          \
	X(library, true, "a library is missing")

#define X(name, ...) HEALTH_##name,
enum health_part { HEALTH_TABLE(X) HEALTH_COUNT };
#undef X

enum { HEALTH_TEXT_BYTES = 512 };

struct health_info {
	const char *name, *words;
	bool ready;
};
const struct health_info *health_info(enum health_part p);

/* `text`: a sentence about what is wrong; NULL: it works. The log has a line when that changes. Any thread. */
void health_set(enum health_part p, const char *text);

/* Rises whenever something breaks or works again. */
unsigned health_changes(void);

/* False: it works. */
bool health_get_text(enum health_part p, char ret[HEALTH_TEXT_BYTES]);

/* The first part without which the program is not ready; NULL: there is none. Never waits for long. Any thread. */
const struct health_info *health_not_ready(void);
