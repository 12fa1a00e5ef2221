/* passages_peers.c - what sqlite-vec and FTS5 take for the same passages: both in memory, in partitions of ten. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "passages.h"

#define ASKED 50
#define LINE  65536

struct peers {
	sqlite3 *db;
	FILE *passages, *asked;
	size_t n;
	char **questions; /* as FTS5 wants them */
};

static int run(sqlite3 *db, const char *sql)
{
	char *error = NULL;
	int r = sqlite3_exec(db, sql, NULL, NULL, &error);

	if (r != SQLITE_OK)
		fprintf(stderr, "%s: %s\n", sql, error);
	sqlite3_free(error);
	return r == SQLITE_OK ? 0 : -1;
}

static int open_peers(struct peers *p, const char *extension)
{
	char *error = NULL, sql[256];

	if (sqlite3_open(":memory:", &p->db) != SQLITE_OK)
		return -1;
	sqlite3_enable_load_extension(p->db, 1);
	if (sqlite3_load_extension(p->db, extension, NULL, &error) != SQLITE_OK) {
		fprintf(stderr, "%s\n", error);
		return -1;
	}
	snprintf(sql, sizeof(sql),
		"CREATE VIRTUAL TABLE v USING vec0(collection INTEGER PARTITION KEY, e float[%d] "
		"distance_metric=cosine)",
		DIMS);
	return run(p->db, sql) ? -1
			       : run(p->db, "CREATE VIRTUAL TABLE w USING fts5(collection UNINDEXED, text, tokenize = "
					    "'porter unicode61')");
}

static void put(sqlite3_stmt *s, size_t i, const void *bytes, size_t n, bool text)
{
	sqlite3_bind_int64(s, 1, (sqlite3_int64)i + 1);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)i % 10);
	if (text)
		sqlite3_bind_text(s, 3, bytes, (int)n, SQLITE_STATIC);
	else
		sqlite3_bind_blob(s, 3, bytes, (int)n, SQLITE_STATIC);
	sqlite3_step(s);
	sqlite3_reset(s);
}

static int fill(struct peers *p)
{
	static char line[LINE];
	sqlite3_stmt *v, *w;
	float row[DIMS];

	if (sqlite3_prepare_v2(p->db, "INSERT INTO v (rowid, collection, e) VALUES (?, ?, ?)", -1, &v, NULL) !=
			SQLITE_OK ||
		sqlite3_prepare_v2(p->db, "INSERT INTO w (rowid, collection, text) VALUES (?, ?, ?)", -1, &w, NULL) !=
			SQLITE_OK ||
		run(p->db, "BEGIN"))
		return -1;
	for (size_t i = 0; i < p->n && fgets(line, sizeof(line), p->passages); i++) {
		vector_of(i, row);
		put(v, i, row, sizeof(row), false);
		put(w, i, line, strlen(line), true);
	}
	sqlite3_finalize(v);
	sqlite3_finalize(w);
	return run(p->db, "COMMIT");
}

/* Words in quotes, any of which will do. */
static int read_questions(struct peers *p)
{
	static char line[LINE];

	p->questions = xcalloc(ASKED, sizeof(char *));
	for (size_t i = 0; i < ASKED && fgets(line, sizeof(line), p->asked); i++) {
		struct buf b = BUF_INIT(LINE);
		char *rest = NULL;
		for (char *w = strtok_r(line, " \n", &rest); w; w = strtok_r(NULL, " \n", &rest))
			buf_printf(&b, "%s\"%s\"", b.n ? " OR " : "", w);
		p->questions[i] = strdup(b.p ? b.p : "");
		buf_done(&b);
	}
	return p->questions[ASKED - 1] ? 0 : -1;
}

static int by_number(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int measure(struct peers *p, const char *name, const char *sql, bool words)
{
	sqlite3_stmt *s;
	double ms[ASKED];
	float q[DIMS];

	if (sqlite3_prepare_v2(p->db, sql, -1, &s, NULL) != SQLITE_OK)
		return -1;
	for (size_t i = 0; i < ASKED; i++) {
		int64_t start = clock_mono_us();
		question_of(i * 7919 % p->n, q);
		if (words)
			sqlite3_bind_text(s, 1, p->questions[i], -1, SQLITE_STATIC);
		else
			sqlite3_bind_blob(s, 1, q, sizeof(q), SQLITE_STATIC);
		while (sqlite3_step(s) == SQLITE_ROW)
			;
		sqlite3_reset(s);
		ms[i] = (double)(clock_mono_us() - start) / 1000;
	}
	sqlite3_finalize(s);
	qsort(ms, ASKED, sizeof(*ms), by_number);
	printf("  %-28s p50 %6.2f ms   p99 %6.2f ms\n", name, ms[ASKED / 2], ms[ASKED - 1]);
	return 0;
}

int run_peers(const char *extension, const char *passages, const char *questions, size_t n)
{
	struct peers p = {.passages = fopen(passages, "r"), .asked = fopen(questions, "r"), .n = n};

	if (!p.passages || !p.asked || open_peers(&p, extension) < 0 || fill(&p) < 0 || read_questions(&p) < 0)
		return 1;
	if (measure(&p, "sqlite-vec, one of ten", "SELECT rowid FROM v WHERE e MATCH ? AND k = 10 AND collection = 3",
		    false) < 0 ||
		measure(&p, "sqlite-vec, all", "SELECT rowid FROM v WHERE e MATCH ? AND k = 10", false) < 0 ||
		measure(&p, "FTS5, one of ten",
			"SELECT rowid FROM w WHERE w MATCH ? AND collection = 3 ORDER BY rank LIMIT 10", true) < 0 ||
		measure(&p, "FTS5, all", "SELECT rowid FROM w WHERE w MATCH ? ORDER BY rank LIMIT 10", true) < 0)
		return 1;
	sqlite3_close(p.db);
	return 0;
}
