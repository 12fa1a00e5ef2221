/* jobs_api.c - work that goes on behind requests: an administrator sees all of it, anybody else their own. */
#include "api/answer.h"
#include "api/follow.h"

LIST_SCHEMA(job_list_schema, "JobList", &job_schema, "Newest first.", "Jobs.");

static bool is_admin(const struct request *q)
{
	return user_is_admin(&q->who.user);
}

/* Whose jobs the request may see; 0: everybody's. */
static atelier_id visible(const struct request *q)
{
	return is_admin(q) ? 0 : q->who.user.id;
}

static int jobs_get_all(struct request *q)
{
	struct job_filter f = {
		.user_id = visible(q), .kind = http_query(q->x, "kind"), .state = http_query(q->x, "state")};
	struct job_list list = {0};
	int r = request_i64(q, "limit", &f.limit);

	if (r == 0)
		r = request_id(q, "cursor", &f.before);
	if (r == 0)
		r = job_list(q->api->c.jobs, &f, &q->mem, &list, &q->err);
	if (r < 0)
		return r;
	ASSERT(!list.more || list.n > 0);
	return answer_list(q, list.items, list.n, list.more ? answer_cursor(q, list.items[list.n - 1].id) : NULL);
}

static int job_get_one(struct request *q)
{
	struct job_view *out = ARENA_NEW(&q->mem, struct job_view);

	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return job_get(q->api->c.jobs, visible(q), q->arg_id, &q->mem, out, &q->err);
}

int job_follow_there(struct request *q, atelier_id id, const struct http_place *at)
{
	const struct job_right by = {.user_id = q->who.user.id,
		.id = q->who.session_id ? q->who.session_id : q->who.key_id,
		.expires_at = q->who.expires_at};

	return job_follow(q->api->c.jobs, visible(q), id, &by, at, &q->err);
}

static int job_events_get(struct request *q)
{
	int r;

	http_set_header(q->x, "X-Accel-Buffering", "no");
	r = job_follow_there(q, q->arg_id, &(struct http_place){.x = q->x});
	if (r < 0)
		return r;
	q->taken = true;
	request_recheck(q);
	return 0;
}

static int job_cancel_post(struct request *q)
{
	struct job_view *out = ARENA_NEW(&q->mem, struct job_view);

	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return job_cancel(q->api->c.jobs, visible(q), q->arg_id, &q->mem, out, &q->err);
}

static int job_retry_post(struct request *q)
{
	struct job_view *out = ARENA_NEW(&q->mem, struct job_view);
	struct jobs *js = q->api->c.jobs;
	int r;

	if (!out)
		return request_no_memory(q);
	r = job_get(js, visible(q), q->arg_id, &q->mem, out, &q->err);
	if (r < 0)
		return r;
	if (job_kind_is_for_admins(js, out->kind) && !is_admin(q))
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator may do this.");
	q->answer = out;
	return job_retry(js, visible(q), q->arg_id, &q->mem, out, &q->err);
}

static int job_delete_one(struct request *q)
{
	return job_delete(q->api->c.jobs, visible(q), q->arg_id, &q->err);
}

static const struct param job_list_params[] = {
	{.name = "state",
		.type = PARAM_STR,
		.choices = "open queued running complete failed canceled",
		.doc = "Only those in this state; open: queued or running."},
	{.name = "kind", .type = PARAM_STR, .max = 40, .doc = "Only those of this kind."},
	{.name = "cursor", .type = PARAM_ID, .doc = "`next` of the page before."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 500, .otherwise = 50, .doc = "At most so many."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/jobs", "listJobs", jobs_get_all, ACCESS_USER, ROUTE_JOBS, .status = 200,
		PARAMS(job_list_params), .answer = &job_list_schema,
		.summary = "The own jobs, an administrator's are all, the newest first."},
	{"GET", V1 "/jobs/{id}", "getJob", job_get_one, ACCESS_USER, ROUTE_JOBS, .status = 200,
		.answer = &job_schema, .summary = "How far a job is."},
	{"GET", V1 "/jobs/{id}/events", "followJob", job_events_get, ACCESS_USER, ROUTE_JOBS | ROUTE_STREAM,
		.status = 200, .stream = "JobEvent",
		.summary = "How far it is, at once and whenever that changes (at most 5 times a second), to its end."},
	{"POST", V1 "/jobs/{id}/cancel", "cancelJob", job_cancel_post, ACCESS_USER, ROUTE_JOBS, .status = 202,
		.answer = &job_schema, FAILS(E_CONFLICT),
		.summary = "Stop it; one that has ended is no error."},
	{"POST", V1 "/jobs/{id}/retry", "retryJob", job_retry_post, ACCESS_USER, ROUTE_JOBS, .status = 202,
		.answer = &job_schema, FAILS(E_CONFLICT),
		.summary = "Go on with one that failed or was canceled, or at once with one that waits for its next try."},
	{"POST", V1 "/jobs/{id}/resume", "resumeJob", job_retry_post, ACCESS_USER, ROUTE_JOBS | ROUTE_ABSENT,
		.status = 202, .answer = &job_schema, FAILS(E_CONFLICT), .summary = "The former name of retry."},
	{"DELETE", V1 "/jobs/{id}", "deleteJob", job_delete_one, ACCESS_USER, ROUTE_JOBS, .status = 204,
		FAILS(E_CONFLICT), .summary = "Forget one that has ended."},
};
/* clang-format on */
const struct route_set jobs_routes = ROUTES(routes);
