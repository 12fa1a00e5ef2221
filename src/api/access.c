/*
 * access.c - whether somebody may use a model: by what was granted (grants_allow). Administrators always may.
 *
 * What was said is read once for a request, when the first model is asked about. It is a row for each thing that is not
 * for everybody, of which there are few.
 */
#include "api/models.h"
#include "store/grants.h"

static int load(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	ASSERT(q->known && !q->knows_rights);
	int r = grants_rights(c, q->who.user.id, &q->mem, &q->rights, &q->n_rights, &q->err);

	q->knows_rights = r == 0;
	return r;
}

static bool may_use(const struct request *q, const struct model *m)
{
	return grants_allow(q->rights, q->n_rights, m->id, m->alias_of, m->provider);
}

static bool is_free(struct request *q)
{
	return user_is_admin(&q->who.user) || (q->knows_rights && q->n_rights == 0);
}

int request_rights(struct request *q)
{
	return q->knows_rights || user_is_admin(&q->who.user) ? 0 : load(q);
}

bool request_may_use(const struct request *q, const struct model *m)
{
	ASSERT(q->knows_rights || user_is_admin(&q->who.user)); /* request_rights was first */
	return user_is_admin(&q->who.user) || may_use(q, m);
}

int request_allow_model(struct request *q, const char *model_id)
{
	struct err unknown = {0};
	struct model m;
	int r;

	if (!auth_key_allows_model(&q->who, model_id))
		return err_set(&q->err, E_FORBIDDEN, "This API key may not use the model %.120s.", model_id);
	r = request_rights(q);
	if (r < 0 || is_free(q))
		return r;
	/* Of what is not known nobody can say whom it is for. */
	if (providers_model(q->api->c.providers, model_id, &q->mem, &m, &unknown) == 0 && may_use(q, &m))
		return 0;
	return err_set(&q->err, E_FORBIDDEN,
		"The model %.120s is not for you. Choose another, or ask an administrator for it.", model_id);
}

int request_check_answers(struct request *q, const char *model)
{
	struct err unknown = {0};
	struct model m;

	if (!model || !*model || providers_model(q->api->c.providers, model, &q->mem, &m, &unknown) < 0)
		return 0;
	return model_check_answers(&m, model, &q->err);
}
