/* call_priv.h - what the files of this room share besides meter_priv.h: rows on their way to the database, the room
 * itself, and the beginning and end of a call. */
#pragma once

#include <pthread.h>

#include "base/magic.h"
#include "call/call.h"
#include "call/meter_priv.h"
#include "store/usage.h"

/* ---- rows.c: rows on their way to the database ---- */

struct pending {
	struct usage_row row; /* its texts are those below, or literals */
	char purpose[24], provider[64], model[NAME_BYTES], asked[NAME_BYTES], error_code[40];
	struct pending *next;
};

/* ---- call.c ---- */

struct calls {
	unsigned magic; /* CALLS_MAGIC */
#define CALLS_MAGIC 0x63616c73u
	struct calls_config c;
	int64_t (*now_ms)(void); /* the clock; tests set their own */

	pthread_mutex_t mx; /* guards what follows */
	struct table *table;
	struct pending *first, **last; /* not in the database */
	size_t n_pending;
	uint64_t queued, written, dropped; /* rows, counted from the start */
	uint64_t failures;                 /* of writing */
	uint64_t wanted;                   /* rows up to this one at once */
	bool stopping;
	struct err failure;
	bool failing;         /* the last writing failed, and that was told */
	pthread_cond_t wake;  /* for the writer; monotonic */
	pthread_cond_t moved; /* rows were written, or that failed */

	pthread_mutex_t write_mx; /* held while rows move to the database: who holds it sees each either there or here.
				     Taken before mx. */
	pthread_t thread;
	bool running;
};

int rows_start(struct calls *c, struct err *e) MUST_CHECK;
void rows_stop(struct calls *c);
void rows_push(struct calls *c, struct pending *p); /* takes it; under mx */

/* load.c: a new table from the database, with what the running windows have used up. */
int table_load(struct calls *c, struct err *e) MUST_CHECK;
void table_free(struct table *t);

/* A model as limits and prices go by it; texts in the arena. */
void subject_of_model(struct calls *c, const char *asked, struct arena *a, struct subject_of_call *s,
	const char **ret_provider, const char **ret_name);

/* The beginning and end of any call. */
struct metered {
	struct calls *c;
	const struct caller *who;
	const char *asked;
	struct reservations reserved;
};
int metered_begin(struct metered *m, struct calls *c, const struct caller *who, const char *asked, int64_t tokens_in,
	int64_t tokens_out, bool guess, struct err *e) MUST_CHECK;

/* `r`: how the call went. Returns what it cost. */
int64_t metered_end(struct metered *m, int r, int cancel_code, const struct gen_result *res, const struct tokens *t,
	bool exact, const struct err *e);
