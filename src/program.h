/* program.h - the parts of the running program, and what each command of the command line shares with the others. */
#pragma once

#include <pthread.h>
#include <stdio.h>

#include "api/api.h"
#include "base/settings.h"
#include "http/listen.h"
#include "http/tls.h"
#include "provider/librarian.h"
#include "sys/pool.h"

#define CLI_IMAGES_MAX 10

/* What the command line holds beside settings. */
struct cli {
	struct settings settings;
	const char *role, *model, *from, *to; /* --role, -m, --from, --to; NULL: not given */
	const char *assistant, *conversation; /* --assistant, -c; NULL: not given */
	const char *json_schema;              /* --json-schema: a file; NULL: not given */
	const char *images[CLI_IMAGES_MAX];   /* --image: files */
	size_t n_images;                      /* given; those above CLI_IMAGES_MAX are not there */
	int argc;                             /* words, from the one behind the command */
	char **argv;
};

#define EXIT_USAGE     2
#define EXIT_INTERRUPT 130

/* The commands: each returns the exit status. */
int cmd_chat(struct cli *c);
int cmd_collection(struct cli *c);
int cmd_db(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_docs(struct cli *c);
int cmd_extract(struct cli *c);
int cmd_mcp(struct cli *c);
int cmd_openapi(struct cli *c);
int cmd_search(struct cli *c);
int cmd_user(struct cli *c);
void print_help(void);
/* The program that reads foreign bytes (src/rag/formats), built in by reader_image.S. */
extern const char reader_image[], reader_image_end[];

/* One line on standard error; returns EXIT_USAGE. */
int usage_error(const char *fmt, ...) PRINTF(1, 2);
/*
 * What others wrote (a model, a provider, a document, names of files): nothing in it steers a terminal. Whatever is not the program's
 * own words is printed by these. False when it cannot be written. Only whole characters are to be given.
 */
bool print_text(FILE *to, const char *p, size_t n); /* of several lines */
bool print_line(FILE *to, const char *text);        /* within one line, which is not ended */
bool print_json(FILE *to, const char *p, size_t n); /* JSON, for programs and people: its value stays the same */
/* The same for what was recorded; returns EXIT_FAILURE. */
int report(const struct err *e);
/* Where a program opens the database that found it damaged, or had done so before: db_lost(). */
void report_lost(const struct db *db);

/* ---- the server's parts, in the order they are started ---- */

struct maintenance;

/* Descriptors of the data folder and of a file in it; -1: not held. */
struct folder_lock {
	int folder_fd, file_fd;
};

struct program {
	const struct settings *settings;
	char *journal_path, *key_path;
	struct folder_lock lock;
	struct loop *loop;
	pthread_t loop_thread;
	bool loop_runs;
	struct tls *tls;  /* NULL: plain http */
	bool tls_refused; /* what SIGHUP found was not taken */
	struct listeners listeners;
	struct http_server *server;
	struct db *db;
	int64_t lost_until_s; /* of the database: db_lost */
	struct auth *auth;
	struct http_client *http;
	struct providers *providers;
	struct calls *calls;
	struct bus *bus;
	struct rag *rag;
	struct tools *tools;
	struct turns *turns;
	struct jobs *jobs;
	struct api *api;
	struct maintenance *maintenance;
};

/* serve.c: the steps of which main.c is the list. */
void program_init(struct program *p, const struct settings *s);
void limits_raise(void);
void memory_hide(const struct settings *s);                   /* from debuggers and core dumps */
int folder_open(struct program *p, struct err *e) MUST_CHECK; /* makes it, locks it */
int server_bind(struct program *p, struct err *e) MUST_CHECK;
int database_open(struct program *p, struct err *e) MUST_CHECK;
int providers_open(struct program *p, struct err *e) MUST_CHECK; /* and the client they call with */
int interface_open(struct program *p, struct err *e) MUST_CHECK; /* the api and the turns */
int loop_start(struct program *p, struct err *e) MUST_CHECK;     /* and the discovery of models */
int background_start(struct program *p, struct err *e) MUST_CHECK;
void announce(struct program *p);          /* on standard output: where it is, and the setup code */
void certificate_check(struct program *p); /* whether it ends soon, for sys/health.h */
void signals_block(void);
void signals_wait(struct program *p); /* until SIGTERM or SIGINT, of which a second one ends the program at once */
void program_stop(struct program *p); /* in the opposite order, whatever has been started */

/* database.c: which database the settings mean */
bool database_is_file(const struct settings *s);                        /* of SQLite, in the data folder */
char *database_path(const struct settings *s);                          /* or its URL; on the heap */
int database_check(const struct settings *s, struct err *e) MUST_CHECK; /* folder_check where it is a file */
/* db_open with the rest of `how`: path, table and node are filled in. */
int database_connect(const struct settings *s, const struct db_config *how, struct db **ret, struct err *e) MUST_CHECK;
/* The same of another one, without a node. */
int database_connect_to(const char *path, const struct db_config *how, struct db **ret, struct err *e) MUST_CHECK;

/* folder.c */
int folder_make(const char *path, struct err *e) MUST_CHECK; /* with those above it; mode 0700 */
/* Rights of others on it and on what is ours in it are taken away; a symbolic link there is refused. */
int folder_close(const char *path, struct err *e) MUST_CHECK;
/* E_CONFLICT with a sentence when another server has it. */
int folder_lock(const char *path, struct folder_lock *ret, struct err *e) MUST_CHECK;
void folder_unlock(struct folder_lock *l);
/* E_INVALID when its database is missing or empty, but something shows that there was one: that is no new installation. */
int folder_check(const char *path, struct err *e) MUST_CHECK;
int folder_remove(const char *path); /* with what is in it; 0 or -errno */

/* maintenance.c: a thread for what is done beside serving: once at the start, each minute, each hour */
int maintenance_start(struct program *p, struct err *e) MUST_CHECK;
void maintenance_stop(struct program *p);

/* manual_search.c: the Librarian's way to the manual in a database. `arg` is the struct db. */
int manual_search_db(void *arg, const char *query, size_t limit, struct arena *a, struct manual_passage **ret,
	size_t *ret_n, struct err *e);
int manual_load(struct db *db, struct err *e) MUST_CHECK; /* fills it from what the program was built with */

/* manual_text.c */
size_t manual_text_count(void);
const char *manual_text_version(void);
void manual_text_page(size_t i, const char **ret_slug, const char **ret_title, const char **ret_body);
