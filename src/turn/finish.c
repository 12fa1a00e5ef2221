/* finish.c - the end of a turn in the database: the same for an answer that came to its end and for one that a restart
 * found cut off. */
#include "turn/turn_priv.h"

#define MAX_LOG (512u << 20)

static struct str joined(const char *base, const struct buf *more, struct buf *room)
{
	if (!base || !base[0])
		return buf_str(more);
	buf_add_str(room, base);
	buf_add(room, buf_str(more).p, more->n);
	return buf_str(room);
}

int turn_store(struct db *db, const struct finish *f, struct err *e)
{
	CLEANUP(reduced_done) struct reduced m = {0};
	CLEANUP(buf_done) struct buf packed = BUF_INIT(MAX_LOG);
	CLEANUP(buf_done) struct buf text = BUF_INIT(MAX_LOG);
	CLEANUP(buf_done) struct buf reasoning = BUF_INIT(MAX_LOG);
	int r;

	if ((r = reduce_log(f->log, &m, e)) < 0)
		return r;
	if ((r = log_pack(f->log, &packed)) < 0)
		return err_set(e, r, "packing the log of a turn");
	struct turn_finish in = {
		.turn_id = f->turn_id,
		.state = m.state,
		.content = joined(f->base_content, &m.text, &text),
		.reasoning = joined(f->base_reasoning, &m.reasoning, &reasoning),
		.citations = m.citations.n ? m.citations.p : NULL,
		.error_code = m.error_code[0] ? m.error_code : NULL,
		.error_text = m.error_text[0] ? m.error_text : NULL,
		.finish_reason = m.finish_reason[0] ? m.finish_reason : NULL,
		.tokens_in = m.tokens_in,
		.tokens_out = m.tokens_out,
		.tokens_exact = m.tokens_exact,
		.first_token_ms = m.first_token_ms,
		.duration_ms = m.duration_ms,
		.log = buf_str(&packed),
		.log_size = f->log.n,
		.last_seq = (int64_t)m.last_seq,
	};
	if ((r = buf_status(&text)) < 0 || (r = buf_status(&reasoning)) < 0)
		return err_set(e, r, "the message of a turn does not fit into memory");
	return turns_finish(db, &in, e);
}
