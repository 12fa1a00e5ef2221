/*
 * ending.c - what was opened by a right that has ended ends, too. Whoever takes a right away does so first and then calls
 * api_end; whoever opens a stream does so first and then looks again whether the right still holds: so none slips through
 * between the two.
 */
#include "api/gateway/gateway.h"
#include "api/request.h"

static bool fits(atelier_id wanted, atelier_id is)
{
	return wanted == 0 || wanted == is;
}

bool ending_fits(const struct ending *e, const struct auth_identity *who)
{
	return fits(e->user_id, who->user.id) && fits(e->session_id, who->session_id) && fits(e->key_id, who->key_id) &&
	       !(e->spare_keys && who->key_id);
}

void api_end(struct api *a, const struct ending *what)
{
	const struct follower_match followers = {.user_id = what->user_id,
		.conversation_id = what->conversation_id,
		.session_id = what->session_id,
		.key_id = what->key_id,
		.spare_keys = what->spare_keys};

	ASSERT_IS(a, API_MAGIC);
	ASSERT(what->user_id || what->session_id || what->key_id || what->conversation_id); /* not everybody's */
	turns_end_followers(a->c.turns, &followers);
	if (what->conversation_id)
		return; /* the rest is not about one conversation */
	if (a->c.jobs)  /* NULL: an interface without jobs */
		jobs_end_watchers(a->c.jobs, what->user_id, what->session_id ? what->session_id : what->key_id);
	changes_end(a->changes, what);
	gateway_end(a->gateway, what);
}

void request_recheck(struct request *q)
{
	const struct auth_identity *who = &q->who;
	struct err e = {0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = auth_still_holds(c, who->session_id, who->key_id, &e);
	}
	if (r == E_UNAUTHORIZED && (who->session_id || who->key_id))
		api_end(q->api, &(struct ending){.session_id = who->session_id, .key_id = who->key_id});
}
