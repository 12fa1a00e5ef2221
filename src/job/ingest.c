/* ingest.c - a document is read (rag/rag.h). */
#include "job/ingest.h"

#include "base/json.h"
#include "rag/rag.h"

static void show(void *arg, const char *status, int64_t completed, int64_t total, const char *unit)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	job_progress_begin(
		&(struct job_progress){.status = status, .unit = unit, .completed = completed, .total = total}, &b);
	buf_add_char(&b, '}');
	if (buf_status(&b) == 0)
		job_set_progress(arg, b.p, b.n);
}

int ingest_run(struct job *j, struct err *e)
{
	CLEANUP(json_decrefp) json_t *params = NULL;
	const struct ingest_progress progress = {show, j};
	const char *id;
	atelier_id document_id = 0;
	int r = json_parse(j->params, strlen(j->params), &params, e);

	if (r < 0)
		return r;
	id = json_get_str(params, "document");
	if (!id || !id_parse(id, strlen(id), &document_id) || !j->all->config.rag)
		return err_set(e, E_INTERNAL, "the params of a document's job lack the document");
	return rag_ingest(j->all->config.rag, document_id, &progress, &j->cancel, e);
}
