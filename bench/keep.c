/*
 * keep.c - `keep append|history PLACE [--seconds N] [--messages N]`: what keeping costs, on the database at PLACE (a new file,
 * or an empty schema of a PostgreSQL). It uses the rooms db and store as the server does, without one; keep.sh runs it on both
 * and beside its peers. See README.md.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/conversations.h"
#include "store/find.h"
#include "store/messages.h"
#include "store/store.h"
#include "store/users.h"

enum {
	CLIENTS = 64,
	ROW_BYTES = 400,
	TIMES = 200,
	SEARCHES = 40,
	PAGE = 50,
	EACH = 50,
	LONG_EACH = 5000,
	WORDS = 40,
	BATCH = 2000
};

#define BAR_MS 30.0 /* at p95, of each question */

static void must(int r, const struct err *e)
{
	if (r >= 0)
		return;
	fprintf(stderr, "keep: %s\n", e->msg);
	exit(1);
}

/* ---- append: many clients, each row acknowledged when it is on the disk ---- */

static const struct db_migration append_schema[] = {{.version = 1,
	.name = "rows",
	.sql = "CREATE TABLE rows (id INTEGER PRIMARY KEY, client INTEGER NOT NULL, body TEXT NOT NULL) STRICT;"}};

static struct {
	struct db *db;         /* ours; NULL: */
	sqlite3_stmt *plain;   /* SQLite as it is, one connection that the clients take in turn */
	pthread_mutex_t mx;    /* around it */
	int64_t end_ms, count; /* `count` is atomic */
	char body[ROW_BYTES + 1];
} append;

static int append_in(struct db_conn *c, void *arg, struct err *e)
{
	const int64_t *client = arg;

	return db_exec(c, NULL, e, "INSERT INTO rows (id, client, body) VALUES (?, ?, ?)", DB_I64(id_new()),
		DB_I64(*client), DB_TEXT_N(append.body, ROW_BYTES));
}

static void append_plain(int64_t client)
{
	sqlite3_bind_int64(append.plain, 1, id_new());
	sqlite3_bind_int64(append.plain, 2, client);
	sqlite3_bind_text(append.plain, 3, append.body, ROW_BYTES, SQLITE_STATIC);
	if (sqlite3_step(append.plain) != SQLITE_DONE || sqlite3_reset(append.plain) != SQLITE_OK) {
		fprintf(stderr, "keep: %s\n", sqlite3_errmsg(sqlite3_db_handle(append.plain)));
		exit(1);
	}
}

static void *append_client(void *arg)
{
	int64_t client = (intptr_t)arg;
	struct err e = {0};

	while (clock_mono_ms() < append.end_ms) {
		if (append.db) {
			must(db_write(append.db, append_in, &client, &e), &e);
		} else {
			pthread_mutex_lock(&append.mx);
			append_plain(client);
			pthread_mutex_unlock(&append.mx);
		}
		__atomic_add_fetch(&append.count, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static double append_measure(int seconds)
{
	pthread_t threads[CLIENTS];
	int64_t began = clock_mono_ms();

	append.count = 0;
	append.end_ms = began + seconds * 1000LL;
	for (intptr_t i = 0; i < CLIENTS; i++)
		if (pthread_create(&threads[i], NULL, append_client, (void *)i) != 0)
			exit(1);
	for (size_t i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	return (double)append.count * 1000 / (double)(clock_mono_ms() - began);
}

static double append_to_plain(const char *path, int seconds)
{
	sqlite3 *db = NULL;
	double rate;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_exec(db,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"CREATE TABLE rows (id INTEGER PRIMARY KEY, client INTEGER NOT NULL, body TEXT NOT NULL)",
			NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(db, "INSERT INTO rows (id, client, body) VALUES (?, ?, ?)", -1, &append.plain,
			NULL) != SQLITE_OK) {
		fprintf(stderr, "keep: %s: %s\n", path, sqlite3_errmsg(db));
		exit(1);
	}
	rate = append_measure(seconds);
	sqlite3_finalize(append.plain);
	sqlite3_close(db);
	return rate;
}

static void run_append(const char *place, int seconds)
{
	const struct db_config config = {.path = place, .readers = 1};
	struct err e = {0};
	double ours, plain;
	char peer[1024];

	memset(append.body, 'x', ROW_BYTES);
	pthread_mutex_init(&append.mx, NULL);
	must(db_open(&config, append_schema, N_ELEMENTS(append_schema), &append.db, &e), &e);
	ours = append_measure(seconds);
	db_close(append.db);
	append.db = NULL;
	printf("  %-34s %9.0f rows/s\n", db_is_url(place) ? "atelier on PostgreSQL" : "atelier on SQLite", ours);
	if (db_is_url(place))
		return;
	snprintf(peer, sizeof(peer), "%s.peer", place);
	plain = append_to_plain(peer, seconds);
	printf("  %-34s %9.0f rows/s\n", "SQLite, a row a transaction", plain);
	printf("  %-34s %9.1f x   bar >= 4: %s\n", "atelier beside it", ours / plain,
		ours >= 4 * plain ? "held" : "MISSED");
}

/* ---- history: what somebody asks who has said much ---- */

/* A vocabulary of so many words, of which the first are used most. */
enum { VOCABULARY = 20000 };

static uint32_t random_state = 12345;

static uint32_t random_next(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 8;
}

static void add_words(struct buf *b)
{
	static const char *const others[] = {"\xe4\xba\xac\xe9\x83\xbd\xe3\x81\xae\xe9\x83\xa8\xe5\xb1\x8b ",
		"\xf0\x9f\x8e\xbb ", "100% ", "snake_case ", "don't ", "", "", ""};

	buf_printf(b, "The %s", others[random_next() % N_ELEMENTS(others)]);
	for (int i = 0; i < WORDS; i++) {
		uint32_t a = random_next() % VOCABULARY, c = random_next() % VOCABULARY;

		buf_printf(b, "%sw%u", i ? " " : "", MIN(a, c) * (random_next() % 4 != 0));
	}
}

struct fill {
	atelier_id user_id, conversation_id, leaf_id;
	int64_t n; /* messages */
};

static int fill_in(struct db_conn *c, void *arg, struct err *e)
{
	struct fill *f = arg;
	int r = 0;

	for (int64_t i = 0; r == 0 && i < f->n; i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT(4096);
		atelier_id id = id_new();

		add_words(&text);
		r = db_exec(c, NULL, e,
			"INSERT INTO messages (id, conversation_id, parent_id, role, state, model, created_at, content)"
			" VALUES (?, ?, ?, ?, 'complete', ?, ?, ?)",
			DB_I64(id), DB_I64(f->conversation_id),
			f->leaf_id ? DB_I64(f->leaf_id) : (struct db_param){.type = DB_T_NULL},
			DB_TEXT(i % 2 ? "assistant" : "user"), DB_TEXT(i % 2 ? "bench:latest" : NULL),
			DB_I64(clock_now_ms()), DB_TEXT_N(text.p, text.n));
		f->leaf_id = id;
	}
	return r < 0 ? r
		     : db_exec(c, NULL, e,
			       "UPDATE conversations SET leaf_id = ?, message_count = message_count + ? WHERE id = ?",
			       DB_I64(f->leaf_id), DB_I64(f->n), DB_I64(f->conversation_id));
}

static atelier_id fill(struct db *db, atelier_id user_id, int64_t n, int number)
{
	struct fill f = {.user_id = user_id};
	struct conversation c;
	char title[64];
	struct err e = {0};

	snprintf(title, sizeof(title), "Conversation %d about w%d", number, number % VOCABULARY);
	must(conversations_create(db, user_id, &(struct conversation_patch){.title = title}, &c, &e), &e);
	f.conversation_id = c.id;
	for (int64_t left = n; left > 0; left -= f.n) {
		f.n = MIN(left, (int64_t)BATCH);
		must(db_write(db, fill_in, &f, &e), &e);
	}
	return c.id;
}

/* What a PostgreSQL does by itself before long, and somebody may do to a file: what is counted then must mislead nobody. */
static int analyze_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	return db_exec(c, NULL, e, "ANALYZE");
}

struct asked {
	struct db *db;
	atelier_id user_id, other_id, short_id, long_id, middle_id, folder_id;
	int64_t early_ms; /* when few had been said */
	struct conversation_cursor far;
};

static int ask_list(struct asked *x, struct db_conn *c, struct arena *a, struct err *e)
{
	const struct conversation_filter all = {0};
	const struct conversation_cursor newest = {0};
	struct conversation_list l;

	return conversations_list(c, x->user_id, &all, &newest, PAGE, a, &l, e);
}

static int ask_list_far(struct asked *x, struct db_conn *c, struct arena *a, struct err *e)
{
	const struct conversation_filter all = {0};
	struct conversation_list l;

	return conversations_list(c, x->user_id, &all, &x->far, PAGE, a, &l, e);
}

static int open_one(struct asked *x, struct db_conn *c, atelier_id id, struct arena *a, struct err *e)
{
	const struct message_place at = {.user_id = x->user_id, .conversation_id = id};
	struct conversation one;
	struct message_list l;
	int r = conversations_get(c, x->user_id, id, a, &one, e);

	return r < 0 ? r : messages_list(c, &at, PAGE, a, &l, e);
}

static int ask_open(struct asked *x, struct db_conn *c, struct arena *a, struct err *e)
{
	return open_one(x, c, x->short_id, a, e);
}

static int ask_open_long(struct asked *x, struct db_conn *c, struct arena *a, struct err *e)
{
	return open_one(x, c, x->long_id, a, e);
}

/* In the middle, as a hit of a search opens it. */
static int ask_middle(struct asked *x, struct db_conn *c, struct arena *a, struct err *e)
{
	const struct message_place at = {
		.user_id = x->user_id, .conversation_id = x->long_id, .around_id = x->middle_id};
	struct message_list l;

	return messages_list(c, &at, PAGE, a, &l, e);
}

static const struct {
	const char *name;
	int (*ask)(struct asked *x, struct db_conn *c, struct arena *a, struct err *e);
} questions[] = {
	{"list, the newest 50", ask_list},
	{"list, 50 from far down", ask_list_far},
	{"open, 50 messages", ask_open},
	{"open, 5,000 messages at their end", ask_open_long},
	{"open, 5,000 messages in the middle", ask_middle},
};

/* What people look for, and what they type by mistake. */
static const char *const searches[] = {"w19000", "w0", "the", "w0 w123", "\xe9\x83\xa8", "\xe4\xba\xac\xe9\x83\xbd",
	"w", "w1", "\"the w0\"", "the w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w12 w13 w14 w15 w16 w17 w18",
	"100% OR NOT w0*", "snake_case", "don't", "nothing of this"};
static const char *const filters[] = {"", "model", "no model", "folder", "role", "dates", "pinned", "somebody else"};

static void set_filter(const struct asked *x, const char *name, struct find_filter *f)
{
	if (strcmp(name, "model") == 0)
		f->model = "bench:latest";
	else if (strcmp(name, "no model") == 0)
		f->model = "another:latest";
	else if (strcmp(name, "folder") == 0)
		f->folder_id = x->folder_id;
	else if (strcmp(name, "role") == 0)
		f->role = "user";
	else if (strcmp(name, "dates") == 0)
		f->to = x->early_ms;
	else if (strcmp(name, "somebody else") == 0)
		f->user_id = x->other_id;
	else
		f->pinned = *name != 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The times of one question. */
static void tell(const char *name, double *ms, size_t n)
{
	qsort(ms, n, sizeof(ms[0]), by_size);
	printf("  %-44s %9.2f ms  p95 %8.2f ms   bar %.0f: %s\n", name, ms[n / 2], ms[n * 95 / 100], BAR_MS,
		ms[n * 95 / 100] <= BAR_MS ? "held" : "MISSED");
}

static void measure(struct asked *x, size_t which)
{
	double ms[TIMES];
	struct err e = {0};

	for (size_t i = 0; i < TIMES; i++) {
		CLEANUP(arena_done) struct arena a;
		int64_t began = clock_mono_us();

		arena_init(&a, 64u << 20);
		{
			CLEANUP(db_releasep) struct db_conn *c = db_acquire(x->db);
			must(questions[which].ask(x, c, &a, &e), &e);
		}
		ms[i] = (double)(clock_mono_us() - began) / 1000;
	}
	tell(questions[which].name, ms, TIMES);
}

static void measure_search(struct asked *x, const char *query, const char *filter)
{
	struct find_filter f = {.user_id = x->user_id, .query = query};
	double ms[SEARCHES];
	struct err e = {0};
	char name[80];

	set_filter(x, filter, &f);
	for (size_t i = 0; i < SEARCHES; i++) {
		CLEANUP(arena_done) struct arena a;
		struct find_result found;
		int64_t began = clock_mono_us();

		arena_init(&a, 64u << 20);
		{
			CLEANUP(db_releasep) struct db_conn *c = db_acquire(x->db);
			must(find_all(c, &f, 20, &a, &found, &e), &e);
		}
		ms[i] = (double)(clock_mono_us() - began) / 1000;
	}
	snprintf(name, sizeof(name), "search, %.24s%s%s", query, *filter ? ", " : "", filter);
	tell(name, ms, SEARCHES);
}

/* The peer: the newest 21 that have the words, as SQLite's own index has them, without a filter, a title or a snippet. */
static void measure_fts5(const char *path, const char *query)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	char phrase[300], name[80];
	double ms[SEARCHES];

	snprintf(phrase, sizeof(phrase), *query == '"' ? "%s" : "\"%s\"", query);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(db,
			"SELECT m.id, m.content FROM messages_fts x CROSS JOIN messages m ON m.id = x.rowid"
			" WHERE messages_fts MATCH ? ORDER BY x.rowid DESC LIMIT 21",
			-1, &s, NULL) != SQLITE_OK) {
		fprintf(stderr, "keep: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
	sqlite3_bind_text(s, 1, phrase, -1, SQLITE_STATIC);
	for (size_t i = 0; i < SEARCHES; i++) {
		int64_t began = clock_mono_us();

		while (sqlite3_step(s) == SQLITE_ROW)
			continue;
		sqlite3_reset(s);
		ms[i] = (double)(clock_mono_us() - began) / 1000;
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	snprintf(name, sizeof(name), "peer FTS5, %.24s", query);
	tell(name, ms, SEARCHES);
}

/* Of the long conversation, halfway up; and a folder with a few conversations. */
static int prepare_in(struct db_conn *c, void *arg, struct err *e)
{
	struct asked *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e, "SELECT id FROM messages WHERE conversation_id = ? ORDER BY id LIMIT 1 OFFSET ?",
		DB_I64(x->long_id), DB_I64(LONG_EACH / 2));

	if (r >= 0 && (r = db_next(rows, e)) > 0)
		x->middle_id = db_i64(rows, 0);
	x->folder_id = id_new();
	if (r >= 0)
		r = db_exec(c, NULL, e,
			"INSERT INTO folders (id, user_id, name, folded, created_at, updated_at)"
			" VALUES (?, ?, 'f', 'f', 0, 0)",
			DB_I64(x->folder_id), DB_I64(x->user_id));
	return r < 0 ? r
		     : db_exec(c, NULL, e, "UPDATE conversations SET folder_id = ? WHERE id % 500 = 0",
			       DB_I64(x->folder_id));
}

static void run_history(const char *place, int64_t messages)
{
	const struct db_config config = {.path = place, .readers = 1};
	struct asked x = {0};
	struct err e = {0};
	size_t n;
	const struct db_migration *m = store_migrations(&n);
	int64_t began = clock_mono_ms(), many = MAX((messages - LONG_EACH) / EACH, INT64_C(1));

	must(db_open(&config, m, n, &x.db, &e), &e);
	must(users_create(
		     x.db, &(struct user_new){.name = "ann", .password_hash = "-", .role = "admin"}, &x.user_id, &e),
		&e);
	must(users_create(
		     x.db, &(struct user_new){.name = "bob", .password_hash = "-", .role = "user"}, &x.other_id, &e),
		&e);
	fill(x.db, x.other_id, EACH, 0);
	x.long_id = fill(x.db, x.user_id, MIN(messages, (int64_t)LONG_EACH), 0);
	for (int64_t i = 1; i <= many; i++) {
		x.short_id = fill(x.db, x.user_id, EACH, (int)i);
		if (i == 2)
			x.early_ms = clock_now_ms();
		if (i == many / 10)
			x.far = (struct conversation_cursor){clock_now_ms(), x.short_id};
	}
	must(db_write(x.db, prepare_in, &x, &e), &e);
	must(db_write(x.db, analyze_in, NULL, &e), &e);
	printf("  %lld messages in %lld conversations, stored in %.0f s\n", (long long)(many * EACH + LONG_EACH),
		(long long)many + 1, (double)(clock_mono_ms() - began) / 1000);
	for (size_t i = 0; i < N_ELEMENTS(questions); i++)
		measure(&x, i);
	for (size_t i = 0; i < N_ELEMENTS(searches); i++) {
		for (size_t k = 0; k < N_ELEMENTS(filters); k++)
			measure_search(&x, searches[i], filters[k]);
		if (!db_is_url(place))
			measure_fts5(place, searches[i]);
	}
	db_close(x.db);
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"seconds", required_argument, NULL, 's'}, {"messages", required_argument, NULL, 'm'}, {0}};
	int seconds = 5, c;
	int64_t messages = 100000;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 's')
			seconds = atoi(optarg);
		else if (c == 'm')
			messages = atoll(optarg);
		else
			return 2;
	}
	if (argc - optind != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(argv[optind], "append") == 0)
		run_append(argv[optind + 1], seconds);
	else
		run_history(argv[optind + 1], messages);
	return 0;
}
