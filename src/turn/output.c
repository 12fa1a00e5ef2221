/* output.c - see output.h. */
#include "turn/output.h"

#include "turn/turn_priv.h"

struct addition {
	struct turn *t;
	enum event_type type;
	const char *json;
	size_t n;
};

static int add_on_loop(void *arg)
{
	struct addition *x = arg;
	struct turn *t = x->t;
	int r;

	if (t->log) {
		int64_t seq = turnlog_append(t->log, x->type, x->json, x->n);
		return seq < 0 ? (int)seq : 0;
	}
	r = frames_add(&t->out.frames, x->type, x->json, x->n);
	return r < 0 ? r : t->out.pass(t, x->type, x->json, x->n);
}

int turn_put(struct turn *t, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct addition x = {t, type, json, n};

	return on_loop ? add_on_loop(&x) : loop_call(t->all->loop, add_on_loop, &x);
}

int turn_event(struct turn *t, enum event_type type, const struct buf *json)
{
	int r = buf_status(json);

	return r < 0 ? r : turn_put(t, loop_is_mine(t->all->loop), type, json->p, json->n);
}

struct look {
	struct turn *t;
	const struct frames *frames;
};

static int look_on_loop(void *arg)
{
	struct look *x = arg;

	x->frames = x->t->log ? turnlog_frames(x->t->log) : &x->t->out.frames;
	return 0;
}

const struct frames *turn_frames(struct turn *t)
{
	struct look x = {.t = t};

	(void)loop_call(t->all->loop, look_on_loop, &x);
	return x.frames;
}
