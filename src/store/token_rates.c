/*
 * token_rates.c - a running mean of bytes per token and of how far off it was, in which the latest call counts for a quarter: so a
 * rate follows a change of what people write, and one odd call does little. Below a hundred tokens nothing is learned, and nothing
 * from a figure that no text has: a provider that errs would shut every conversation with its model. It is written behind the answer, by the
 * writer, and nobody waits for it.
 */
#include "store/token_rates.h"

#include <math.h>
#include <stdio.h>

#include "store/store_priv.h"

#define GUESS_BYTES 4.0
#define GUESS_ERROR 0.35
#define NAME_MAX_N  256
#define LEAST       100 /* tokens: below, what the template adds counts for too much */
#define BYTES_LEAST 0.5 /* of a token, of texts in any writing with what templates add; */
#define BYTES_MOST  64.0
#define ERROR_MOST  10.0

struct lesson {
	char model[NAME_MAX_N];
	int64_t bytes, tokens;
};

static bool is_plausible(double bytes)
{
	return bytes >= BYTES_LEAST && bytes <= BYTES_MOST;
}

int token_rates_get(struct db_conn *c, const char *model, struct token_rate *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_ROW(c, &rows, e, "SELECT bytes, error, calls FROM token_rates WHERE model = ?", DB_TEXT(model));

	if (r < 0)
		return r;
	*ret = (struct token_rate){GUESS_BYTES, GUESS_ERROR, 0};
	/* Older versions have learned from any figure. */
	if (r && is_plausible(db_f64(rows, 0)))
		*ret = (struct token_rate){db_f64(rows, 0), MIN(db_f64(rows, 1), ERROR_MOST), db_i64(rows, 2)};
	return 0;
}

/* The latest call counts for a quarter. */
static int learn_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct lesson *x = arg;
	struct token_rate now;
	int r = token_rates_get(c, x->model, &now, e);

	if (r < 0)
		return r;
	double found = (double)x->bytes / (double)x->tokens;
	double off = fabs((double)x->bytes / now.bytes - (double)x->tokens) / (double)x->tokens;
	double bytes = now.calls ? (3 * now.bytes + found) / 4 : found;
	double error = now.calls > 1 ? (3 * now.error + off) / 4 : now.calls ? (now.error + off) / 2 : GUESS_ERROR / 2;
	return db_exec(c, NULL, e,
		"INSERT INTO token_rates (model, bytes, error, calls) VALUES (?, ?, ?, 1) ON CONFLICT (model) DO"
		" UPDATE SET bytes = excluded.bytes, error = excluded.error, calls = token_rates.calls + 1",
		DB_TEXT(x->model), DB_F64(bytes), DB_F64(error));
}

void token_rates_learn(struct db *db, const char *model, int64_t bytes, int64_t tokens)
{
	struct lesson x = {.bytes = bytes, .tokens = tokens};

	if (tokens < LEAST || !is_plausible((double)bytes / (double)tokens) || strlen(model) >= sizeof(x.model))
		return;
	snprintf(x.model, sizeof(x.model), "%s", model);
	store_later(db, learn_in, &x, sizeof(x));
}
