/*
 * call.h - the one way to call a model: what it may cost is reserved before the call and settled after it, and each call
 * leaves a row of usage. Turns, titles and the gateway call models through here.
 */
#pragma once

#include "base/id.h"
#include "base/settings.h"
#include "db/db.h"
#include "provider/provider.h"
#include "sys/bus.h"

struct calls; /* any thread but the loop's */

struct calls_config {
	const struct settings *settings;
	struct db *db;
	struct providers *providers;
	struct bus *bus; /* hears when what limits tell has changed; NULL: nobody does */
};

/* Reads prices, limits, groups and what is used up of the running windows. */
int calls_new(const struct calls_config *c, struct calls **ret, struct err *e) MUST_CHECK;
void calls_free(struct calls *c); /* the rows that are not written yet are written; NULL is fine */

/* Prices, limits or groups in the database have changed. */
int calls_reload(struct calls *c, struct err *e) MUST_CHECK;

/* Where several servers share the database: looks which there are, and what they have taken of limits. Once a second. */
int calls_look_elsewhere(struct calls *c, struct err *e) MUST_CHECK;

/* Returns when the rows of all calls that have ended are in the database (they are written in batches). */
int calls_flush(struct calls *c, struct err *e) MUST_CHECK;

/* Who calls, and for what. */
struct caller {
	atelier_id user_id;
	atelier_id key_id;          /* 0: no key */
	atelier_id conversation_id; /* 0: none */
	const char *purpose;        /* chat, agent, title, summary, gateway, embedding, reranking, rewriting */
};

/* As provider_generate; besides E_LIMIT (429, retry_after_s) or E_BUDGET (402) before the call, with a sentence that
 * says which limit, how much of it is used and when it begins anew. *ret_cost (may be NULL): micro-units of the
 * currency, 0 where no price is known. */
int call_generate(struct calls *c, const struct caller *who, const struct gen_request *q, struct gen_sink *sink,
	struct cancel *cancel, struct gen_result *ret, int64_t *ret_cost, struct err *e) MUST_CHECK;

/* As provider_embed. */
int call_embed(struct calls *c, const struct caller *who, const struct embed_request *q, struct cancel *cancel,
	struct arena *a, struct embed_result *ret, struct err *e) MUST_CHECK;

/* As provider_rerank. */
int call_rerank(struct calls *c, const struct caller *who, const struct rerank_request *q, struct cancel *cancel,
	struct rerank_result *ret, struct err *e) MUST_CHECK;

/* What a model costs, in micro-units of the currency for a million tokens; false when no price is known. `model`: its name at
 * the provider. */
bool calls_price(struct calls *c, const char *provider, const char *model, int64_t *ret_input, int64_t *ret_output);

/* ---- limits ---- */

/* One limit as it stands now. */
struct limit_state {
	atelier_id id;
	int64_t used, reserved;
	int64_t resets_at; /* Unix ms: when the running window ends */
};

/* The state of the limit with this id; false when there is none. */
bool calls_limit_state(struct calls *c, atelier_id limit_id, struct limit_state *ret);

/* The ids of the limits that bind this user (with their groups) and key, in the arena. */
int calls_limits_of(struct calls *c, atelier_id user_id, atelier_id key_id, struct arena *a, atelier_id **ret,
	size_t *ret_n, struct err *e) MUST_CHECK;
