/* ingest.c - a document is read, and embedded; and so is what was said before (rag/rag.h). */
#include "job/ingest.h"

#include "base/json.h"
#include "rag/rag.h"
#include "store/documents.h"

static void show(void *arg, const char *status, int64_t completed, int64_t total, const char *unit)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	job_progress_begin(
		&(struct job_progress){.status = status, .unit = unit, .completed = completed, .total = total}, &b);
	buf_add_char(&b, '}');
	if (buf_status(&b) == 0)
		job_set_progress(arg, b.p, b.n);
}

/* text_id NULL: the job needs none. */
static int read_params(const struct job *j, const char *name, atelier_id *ret_id, atelier_id *text_id, struct err *e)
{
	CLEANUP(json_decrefp) json_t *params = NULL;
	const char *id, *text;
	int r = json_parse(j->params, strlen(j->params), &params, e);

	if (r < 0)
		return r;
	id = json_get_str(params, name);
	text = json_get_str(params, "text");
	if (!id || !id_parse(id, strlen(id), ret_id) ||
		(text_id && (!text || !id_parse(text, strlen(text), text_id))) || !j->all->config.rag)
		return err_set(e, E_INTERNAL, "the params of a job lack the %s", name);
	return 0;
}

int ingest_run(struct job *j, struct err *e)
{
	const struct ingest_progress progress = {show, j};
	atelier_id document_id = 0;
	int r = read_params(j, "document", &document_id, NULL, e);

	if (r == 0)
		r = documents_elsewhere(j->all->config.db, j->all->config.settings->data, document_id, &j->node, e);
	if (r == E_NOT_FOUND) { /* it was deleted */
		err_clear(e);
		return 0;
	}
	return r < 0 || j->node ? r : rag_ingest(j->all->config.rag, document_id, &progress, &j->cancel, e);
}

int embedding_run(struct job *j, struct err *e)
{
	const struct ingest_progress progress = {show, j};
	atelier_id document_id = 0, text_id = 0;
	int r = read_params(j, "document", &document_id, &text_id, e);

	return r < 0 ? r : rag_embed(j->all->config.rag, document_id, text_id, &progress, &j->cancel, e);
}

int exchanges_run(struct job *j, struct err *e)
{
	const struct ingest_progress progress = {show, j};
	atelier_id user_id = 0;
	int r = read_params(j, "user", &user_id, NULL, e);

	return r < 0 ? r : rag_embed_exchanges(j->all->config.rag, user_id, &progress, &j->cancel, e);
}
