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
	struct limit_use *uses; /* what it has used of limits, for the other servers; NULL: there are none */
	size_t n_uses;
	struct pending *next;
};
void pending_free(struct pending *p); /* NULL is fine */

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
	int64_t starts; /* of other servers, to which this one has told what it holds; of whoever looks for them */
	bool stopping;
	struct err failure;
	bool others;          /* other servers work in the database: limits are kept together with them */
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

/* servers.c: where other servers work in the database, what all of them take of limits. */

/* Before the first call: when it returns, the others that work know of this server. */
int servers_join(struct calls *c, struct err *e) MUST_CHECK;
/* As meter_reserve, and the others know of it before anybody there gets the same. */
int servers_reserve(struct calls *c, const struct subject_of_call *s, const struct need *need, struct reservations *ret,
	struct err *e) MUST_CHECK;
/* Makes the list of what a call has used of limits; it has those of which something was reserved. Under mx. */
void servers_uses(struct calls *c, const struct reservations *r, struct pending *p);
/* With the rows of usage of a batch (a usage_also_fn): what they have used. */
struct servers_batch {
	struct calls *c;
	const struct pending *first;
};
int servers_note(struct db_conn *c, void *batch, const bool *added, struct err *e) MUST_CHECK;
void servers_noted(struct calls *c, const struct pending *first); /* that is stored; under mx */
/* What all the others have taken, for table_load. */
struct servers_seen {
	struct limit_use *uses;
	size_t n;
};
int servers_read(struct db_conn *db, struct arena *a, struct servers_seen *ret, struct err *e) MUST_CHECK;
bool servers_same(const struct servers_seen *a, const struct servers_seen *b); /* they have used nothing between */
/* What the counters have is as of that. `counted`: it is part of what is used already. Whether something is new. */
bool servers_apply(struct table *t, const struct servers_seen *seen, int64_t now_ms, bool counted);

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
