/*
 * events_api.c - one stream for all that a browser follows: the change feed, and in it the events of the turns and jobs that
 * the request names. A browser allows six connections to one server, for all its windows together.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/follow.h"

static int read_one(struct request *q, const char **p, struct followed *ret)
{
	char *end;

	if (strlen(*p) < ID_LEN || !id_parse(*p, ID_LEN, &ret->id))
		return err_set(&q->err, E_INVALID, "What is to be followed is no identifier.");
	*p += ID_LEN;
	ret->after = 0;
	if (**p == ':' && (*p)[1] >= '0' && (*p)[1] <= '9') {
		ret->after = strtoull(*p + 1, &end, 10);
		*p = end;
	}
	return **p && **p != ',' ? err_set(&q->err, E_INVALID, "What is to be followed is to be like ID:17,ID:0.") : 0;
}

int followed_read(struct request *q, const char *text, struct followed *ret)
{
	int r = read_one(q, &text, ret);

	return r == 0 && *text ? err_set(&q->err, E_INVALID, "What is to be followed is to be like ID:17.") : r;
}

/* "ID:17,ID:0" or "ID,ID" */
static int read_wanted(struct request *q, const char *name, struct followed ret[FOLLOWED_MAX], size_t *ret_n)
{
	const char *p = http_query(q->x, name);

	*ret_n = 0;
	while (p && *p) {
		if (*ret_n == FOLLOWED_MAX)
			return err_set(
				&q->err, E_INVALID, "At most %d can be followed at once (\"%s\").", FOLLOWED_MAX, name);
		int r = read_one(q, &p, &ret[*ret_n]);
		if (r < 0)
			return r;
		p += *p == ',';
		++*ret_n;
	}
	return 0;
}

struct told {
	struct loop_task task;
	struct http_shared *stream;
	char frame[160];
};

static void tell_on_loop(void *arg)
{
	struct told *t = arg;

	(void)http_shared_write(t->stream, t->frame, strlen(t->frame));
	http_shared_unref(t->stream);
	free(t);
}

static void tell_refused(struct request *q, struct http_shared *stream, const char *event, atelier_id id, int code)
{
	struct told *t = xcalloc(1, sizeof(*t));
	char text[ID_LEN + 1];

	id_format(id, text);
	ASSERT(code < 0);
	int n = snprintf(t->frame, sizeof(t->frame),
		"event: %s\ndata: {\"id\":\"%s\",\"ended\":true,\"code\":\"%s\"}\n\n", event, text,
		err_info(code)->wire_code);
	ASSERT(n > 0 && (size_t)n < sizeof(t->frame)); /* else all that follows were a part of it */
	t->stream = http_shared_ref(stream);
	loop_post(q->api->c.loop, &t->task, tell_on_loop, t);
	q->err = (struct err){0};
}

void follow_turn(struct request *q, struct http_shared *stream, const struct followed *w)
{
	char id[ID_LEN + 1], begin[80], end[80];
	int r, n, m;

	id_format(w->id, id);
	n = snprintf(begin, sizeof(begin), "event: turn\ndata: {\"id\":\"%s\"}\n\n", id);
	m = snprintf(end, sizeof(end), "event: turn\ndata: {\"id\":\"%s\",\"ended\":true}\n\n", id);
	ASSERT(n > 0 && (size_t)n < sizeof(begin) && m > 0 && (size_t)m < sizeof(end));
	r = turn_follow_there(q, w->id, w->after, &(struct http_place){.shared = stream, .begin = begin, .end = end});
	if (r < 0)
		tell_refused(q, stream, "turn", w->id, r);
}

void follow_job(struct request *q, struct http_shared *stream, atelier_id id)
{
	/* A frame of a job says itself which it is. */
	int r = job_follow_there(q, id, &(struct http_place){.shared = stream, .begin = "", .end = ""});

	if (r < 0)
		tell_refused(q, stream, "job_end", id, r);
}

static int events_get(struct request *q)
{
	struct followed turns[FOLLOWED_MAX] = {0}, jobs[FOLLOWED_MAX] = {0};
	size_t n_turns = 0, n_jobs = 0;
	struct http_shared *stream;
	int r = read_wanted(q, "turns", turns, &n_turns);

	if (r == 0)
		r = read_wanted(q, "jobs", jobs, &n_jobs);
	if (r < 0)
		return r;
	http_set_header(q->x, "X-Accel-Buffering", "no");
	q->taken = true;
	stream = changes_follow(q->api->changes, q->x, NULL, &q->who);
	if (!stream)
		return 0;
	for (size_t i = 0; i < n_turns; i++)
		follow_turn(q, stream, &turns[i]);
	for (size_t i = 0; i < n_jobs; i++)
		follow_job(q, stream, jobs[i].id);
	http_shared_unref(stream);
	request_recheck(q);
	return 0;
}

#define ID_ONE "[0-7][0-9a-hjkmnp-tv-z]{12}"

static const struct param feed_params[] = {
	{.name = "turns",
		.type = PARAM_STR,
		.pattern = "^(" ID_ONE ":[0-9]{1,18}(," ID_ONE ":[0-9]{1,18})*)?$",
		.doc = "Turns to follow, each with the number of its last event that is known: `ID:0,ID:17`. At most "
		       "64."},
	{.name = "jobs",
		.type = PARAM_STR,
		.pattern = "^(" ID_ONE "(," ID_ONE ")*)?$",
		.doc = "Jobs to follow: `ID,ID`. At most 64."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/events", "followChanges", events_get, ACCESS_USER, ROUTE_STREAM, .status = 200,
		PARAMS(feed_params), .stream = "FeedEvent",
		.summary = "What changes for the user, live, and in the same stream the events of the turns and jobs that are named. "
			   "Changes are not numbered: ask again after a gap."},
};
/* clang-format on */
const struct route_set events_routes = ROUTES(routes);
