/* token_rates.h - how many bytes a token of each model has, learned from what its provider counted. */
#pragma once

#include "store/rows.h"

struct token_rate {
	double bytes;  /* of a token */
	double error;  /* how far off estimates by it were of late: 0.1 is a tenth */
	int64_t calls; /* that it was learned from; 0: nothing is known, and both are a guess */
};

int token_rates_get(struct db_conn *c, const char *model, struct token_rate *ret, struct err *e) MUST_CHECK;

/* A prompt of so many bytes had so many tokens. With the next batch of the writer; nobody waits. */
void token_rates_learn(struct db *db, const char *model, int64_t bytes, int64_t tokens);
