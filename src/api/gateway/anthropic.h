/* anthropic.h - what the files of Anthropic's shape share. */
#pragma once

#include "api/gateway/gateway.h"

/* ---- anthropic_content.c: content of messages ---- */

/* What the blocks of one message (or result) come to. */
struct anthropic_pieces {
	const char *separator; /* between texts */
	const char *only;      /* the first text */
	size_t n_texts, n_bytes;
	struct buf text; /* n_bytes long, when there are several */
	struct gen_image *images;
	size_t n_images, max_images;
};

void anthropic_pieces_done(struct anthropic_pieces *p); /* also the cleanup function */
int anthropic_add_text(struct anthropic_pieces *p, const char *text) MUST_CHECK;
/* All texts, in the arena or borrowed; "" when there are none. */
int anthropic_pieces_text(struct gw_call *c, struct anthropic_pieces *p, const char **ret) MUST_CHECK;

/* A block that people or tools bring: text, image, document, search_result. E_INVALID, and E_MODEL_CANNOT for what only
 * Anthropic itself reads; then `lenient` leaves it out. */
int anthropic_read_block(struct gw_call *c, const json_t *block, bool lenient, struct anthropic_pieces *p) MUST_CHECK;
/* A string, blocks of the above kinds, or null. */
int anthropic_read_blocks(
	struct gw_call *c, const json_t *content, bool lenient, struct anthropic_pieces *p) MUST_CHECK;

/* ---- anthropic_turns.c: system and messages ---- */

/* Fills messages and `continues` of c->req from c->body. */
int anthropic_read_messages(struct gw_call *c, bool lenient) MUST_CHECK;

/* ---- anthropic_order.c: the order of blocks in a stream that is passed on ---- */

struct anthropic_order {
	int64_t n;     /* blocks that the client was told of; the last one is open if is_open */
	int64_t index; /* of the open one, at the provider */
	bool is_open;
	bool is_ours;       /* made here, for a piece that came after its block's end: the provider will not end it */
	struct buf waiting; /* events of other blocks, until the open one has ended */
};

/* Whole events, to what the client is sent: the same bytes as long as they are in order. E_PROVIDER_BROKEN: a piece of a
 * call that had ended. */
int anthropic_order_take(struct anthropic_order *o, struct str events, struct buf *out) MUST_CHECK;

/* ---- anthropic_request.c ---- */

/* c->shape of a call. */
struct anthropic_call {
	int64_t estimate;   /* tokens of the request, for the begin of the stream */
	bool hide_thinking; /* the client asked for none */

	/* of the stream */
	bool started;
	int64_t n_blocks; /* begun; the last one is open unless `open` is 0 */
	char open;        /* 't' text, 'r' reasoning, 'c' call of a tool */

	/* of bytes that are passed on as they came */
	struct gen_raw raw;
	struct buf held; /* an event whose end has not come; all of the answer when the client wants no stream */
	bool told_error; /* the provider's stream has told of its failure already */
	struct anthropic_order order;
};

/* Fills c->req from c->body. `counting`: nothing is to be answered, so max_tokens may be missing. `lenient`: the target
 * gets the request as it came, so what we do not know is left out instead of refused. */
int anthropic_read(struct gw_call *c, bool counting, bool lenient) MUST_CHECK;

/* The request's own text for an Anthropic, in the arena: without thinking that we made up (signature ""), and with what an
 * assistant's tools did here as texts. */
int anthropic_raw_body(struct gw_call *c, struct str text, const char **ret) MUST_CHECK;

/* ---- anthropic_answer.c ---- */
extern const struct gw_format anthropic_format;
void anthropic_call_init(struct anthropic_call *a);

/* The events around a block; the first one ends behind `"content_block":`. */
void anthropic_add_block_start(int64_t block, struct buf *out);
void anthropic_add_block_stop(int64_t block, struct buf *out);

/* As struct gen_raw's `bytes`; arg: the call. */
int anthropic_take_raw(void *arg, const char *p, size_t n);

/* ---- anthropic_collect.c ---- */

/* The message that a whole event stream tells, as JSON; E_PROVIDER_BROKEN when it tells none. */
int anthropic_collect(struct str stream, struct buf *out) MUST_CHECK;

/* ---- anthropic_models.c ---- */
void anthropic_add_model(const struct model *m, struct buf *out);
