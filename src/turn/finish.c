/* finish.c - the end of a turn in the database: the same for an answer that came to its end and for one that a restart
 * found cut off. What was shown is never given up: storing it is tried until the database has it, and what this refuses
 * for ever is stored in a plainer way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/log.h"
#include "turn/turn_priv.h"

#define REFUSALS_MAX 3 /* of one way of storing, before a plainer one is tried */

/* Passes by itself, or with the disk's room. */
static bool is_passing(int r)
{
	return r == E_BUSY || r == E_UNSURE || r == E_STORAGE || r == E_STOPPING || r == -ENOMEM;
}

void finish_note(struct finish *f, int r)
{
	if (!db_is_settled(r) && !is_passing(r))
		f->refusals++;
}

bool finish_is_aside(const struct finish *f)
{
	return f->refusals >= 2 * REFUSALS_MAX;
}

int finish_load(struct db *db, atelier_id user_id, atelier_id message_id, struct arena *a, const struct message **ret,
	struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	struct message *m = ARENA_NEW(a, struct message);
	int r;

	if (!m)
		return err_set(e, -ENOMEM, "The answer that is continued does not fit into memory.");
	r = messages_get(c, user_id, message_id, a, m, e);
	if (r == 0)
		*ret = m;
	return r;
}

/* ---- the last way: the events in a file of their own ---- */

static int write_frames(int fd, const struct frames *f)
{
	for (const struct chunk *c = f ? f->first : NULL; c; c = c->next)
		if (write(fd, c->p, c->n) != (ssize_t)c->n)
			return errno ? -errno : -EIO;
	return 0;
}

static int set_aside(const struct finish *f, char name[FINISH_NAME_MAX], struct err *e)
{
	char id[ID_LEN + 1], path[4300];
	int r;

	id_format(f->turn_id, id);
	snprintf(name, FINISH_NAME_MAX, "%s.events", id);
	snprintf(path, sizeof path, "%s/%s", f->journal_dir, name);
	errno = 0;
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_frames(fd, f->log);
	if (r == 0 && (r = write_frames(fd, f->closing)) == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		return err_set(e, E_STORAGE, "an answer cannot be set aside in %s: %s", path, strerror(-r));
	log_error("turn", "the database refuses the answer of turn %s for ever: its events are in %s", id, path);
	return 0;
}

/* ---- ways of storing ---- */

/* Without the log, and with the figures of before. */
static void make_plain(const struct finish *f, struct turn_finish *row)
{
	row->log = (struct str){NULL, 0};
	row->figures = f->before ? f->before->figures : (struct message_figures){.exact = false};
}

/* What the message was, and where the rest of it is. */
static int make_last(const struct finish *f, struct stored *s, struct err *e)
{
	char name[FINISH_NAME_MAX];
	int r = set_aside(f, name, e);

	snprintf(s->note, sizeof s->note,
		"This answer could not be stored. Its text is in the file journal/%s of the data folder.", name);
	make_plain(f, &s->row);
	s->row.state = STATE_FAILED;
	s->row.content = str_from(f->before ? f->before->content : "");
	s->row.parts = f->before && f->before->parts ? str_from(f->before->parts) : (struct str){NULL, 0};
	s->row.model = NULL;
	s->row.error_code = err_info(E_INTERNAL)->wire_code;
	s->row.error_text = s->note;
	return r;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

int finish_prepare(const struct finish *f, struct stored *s, struct err *e)
{
	const struct reduced *m = &s->m;
	int r;

	*s = (struct stored){.packed = BUF_INIT(FINISH_LOG_MAX)};
	if ((r = FAULT("turn_prepare")) < 0)
		return err_set(e, r, "preparing the end of a turn");
	if ((r = reduce_log(f->before, f->log, f->after, f->closing, &s->m, e)) < 0 && !finish_is_aside(f))
		return r;
	if ((r = log_pack(f->log, f->closing, &s->packed)) < 0)
		return err_set(e, r, "packing the log of a turn");
	s->row = (struct turn_finish){
		.turn_id = f->turn_id,
		.state = m->state,
		.content = buf_str(&m->content),
		.parts = m->json.n ? buf_str(&m->json) : (struct str){NULL, 0},
		.figures = m->figures,
		.model = or_null(m->model),
		.error_code = or_null(m->error_code),
		.error_text = or_null(m->error_text),
		.finish_reason = or_null(m->finish_reason),
		.log = buf_str(&s->packed),
		.log_size = f->log->bytes + (f->closing ? f->closing->bytes : 0),
		.last_seq = (int64_t)m->last_seq,
		.unread = !f->followed,
	};
	if (finish_is_aside(f))
		return make_last(f, s, e);
	if (f->refusals >= REFUSALS_MAX)
		make_plain(f, &s->row);
	return 0;
}

void stored_done(struct stored *s)
{
	reduced_done(&s->m);
	buf_done(&s->packed);
}
