/* output.c - see output.h. */
#include "turn/output.h"

#include "turn/turn_priv.h"

struct addition {
	struct turn *t;
	enum event_type type;
	const char *json;
	size_t n;
};

static int put_on_loop(void *arg)
{
	const struct addition *x = arg;

	return turn_put(&x->t->sink, true, x->type, x->json, x->n);
}

int turn_put(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct turn *t = CONTAINER_OF(s, struct turn, sink);

	if (!on_loop)
		return loop_call(t->all->loop, put_on_loop, &(struct addition){t, type, json, n});
	if (t->log) {
		int64_t seq = turnlog_append(t->log, type, json, n);
		return seq < 0 ? (int)seq : 0;
	}
	int r = frames_add(&t->out.frames, type, json, n);
	return r < 0 ? r : t->out.pass(t, type, json, n);
}

int turn_event(struct turn *t, enum event_type type, const struct buf *json)
{
	int r = buf_status(json);

	return r < 0 ? r : turn_put(&t->sink, loop_is_mine(t->all->loop), type, json->p, json->n);
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
