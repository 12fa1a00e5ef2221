/*
 * health_api.c - how the program is: for supervisors, for the administrator, for Prometheus. Whether it lives and is ready is
 * answered on the loop, by what others have noted (sys/health.h), so that it can be asked however busy threads and database
 * are.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "api/models.h"
#include "api/request.h"
#include "base/clock.h"
#include "rag/rag.h"
#include "sys/health.h"
#include "sys/metrics.h"

struct status {
	const char *status;
};

static const struct field status_fields[] = {
	FIELD_STR(struct status, status, "status", 0, 0, FIELD_REQUIRED, "ok, or what is not."),
};
static const struct schema status_schema =
	SCHEMA("Status", struct status, status_fields, "One word about the program.");

struct failing_part {
	const char *name, *text;
};

static const struct field failing_fields[] = {
	FIELD_STR(struct failing_part, name, "name", 0, 0, FIELD_REQUIRED,
		"data_folder, disk, database, database_access, writer, journal, workers, memory, database_log, "
		"certificate, documents, vector_store or library."),
	FIELD_STR(struct failing_part, text, "text", 0, 0, FIELD_REQUIRED, "What is wrong, and what to do."),
};
static const struct schema failing_schema =
	SCHEMA("FailingPart", struct failing_part, failing_fields, "Something that does not work.");

struct database_health {
	const char *status;
	int64_t commits, writes;
};

static const struct field database_fields[] = {
	FIELD_STR(struct database_health, status, "status", 0, 0, FIELD_REQUIRED, "ok or damaged."),
	FIELD_I64(struct database_health, commits, "commits", 0, 0, FIELD_REQUIRED, "Transactions since the start."),
	FIELD_I64(struct database_health, writes, "writes", 0, 0, FIELD_REQUIRED, "Write requests in them."),
};
static const struct schema database_schema =
	SCHEMA("DatabaseHealth", struct database_health, database_fields, "The database.");

struct journal_health {
	const char *status, *error;
	int64_t bytes, segments;
};

static const struct field journal_fields[] = {
	FIELD_STR(struct journal_health, status, "status", 0, 0, FIELD_REQUIRED, "ok or failing."),
	FIELD_STR(struct journal_health, error, "error", 0, 0, 0, "What is wrong, in words; null: nothing."),
	FIELD_I64(struct journal_health, bytes, "bytes", 0, 0, FIELD_REQUIRED, "Size of its files."),
	FIELD_I64(struct journal_health, segments, "segments", 0, 0, FIELD_REQUIRED, "Number of its files."),
};
static const struct schema journal_schema =
	SCHEMA("JournalHealth", struct journal_health, journal_fields, "The journal of the answers being written.");

#define M struct rag_memory
static const struct field documents_fields[] = {
	FIELD_I64(M, bytes, "index_bytes", 0, 0, FIELD_REQUIRED, "Memory of the indexes that are searched."),
	FIELD_I64(M, limit, "index_limit_bytes", 0, 0, FIELD_REQUIRED,
		"What it may be (document_index_mb); beyond it those searched longest ago make room."),
	FIELD_I64(M, collections, "collections", 0, 0, FIELD_REQUIRED, "Collections in memory."),
	FIELD_I64(M, left_out, "left_out", 0, 0, FIELD_REQUIRED,
		"Of these, searched by words alone in part, since their vectors do not fit."),
};
#undef M
static const struct schema documents_schema =
	SCHEMA("DocumentsHealth", struct rag_memory, documents_fields, "The indexes of documents.");

struct health {
	const char *status, *version;
	int64_t uptime_s;
	struct database_health database;
	struct journal_health journal;
	struct rag_memory documents;
	struct schema_list failing, providers;
	int64_t turns_running, connections, readers, memory_bytes, disk_free_bytes;
};

static const struct field health_fields[] = {
	FIELD_STR(struct health, status, "status", 0, 0, FIELD_REQUIRED, "ok or degraded."),
	FIELD_STR(struct health, version, "version", 0, 0, FIELD_REQUIRED, "Version of the program."),
	FIELD_I64(struct health, uptime_s, "uptime_s", 0, 0, FIELD_REQUIRED, "Seconds since the start."),
	FIELD_OBJECT(struct health, database, "database", &database_schema, FIELD_REQUIRED, "The database."),
	FIELD_OBJECT(struct health, journal, "journal", &journal_schema, FIELD_REQUIRED, "The journal."),
	FIELD_OBJECT(struct health, documents, "documents", &documents_schema, FIELD_REQUIRED, "Indexes of documents."),
	FIELD_LIST(struct health, failing, "failing", &failing_schema, 0, FIELD_REQUIRED,
		"What does not work at the moment."),
	FIELD_LIST(struct health, providers, "providers", &provider_schema, 0, FIELD_REQUIRED, "The providers."),
	FIELD_I64(struct health, turns_running, "turns_running", 0, 0, FIELD_REQUIRED, "Answers being written."),
	FIELD_I64(struct health, connections, "connections", 0, 0, FIELD_REQUIRED, "Open connections of clients."),
	FIELD_I64(struct health, readers, "readers", 0, 0, FIELD_REQUIRED, "Readers following answers."),
	FIELD_I64(struct health, memory_bytes, "memory_bytes", 0, 0, FIELD_REQUIRED, "Memory in use (resident)."),
	FIELD_I64(struct health, disk_free_bytes, "disk_free_bytes", 0, 0, FIELD_REQUIRED,
		"Room left for the data folder."),
};
static const struct schema health_schema = SCHEMA("Health", struct health, health_fields, "How the program is.");

static int answer_status(struct request *q, const char *word, int http_status)
{
	struct status *out = ARENA_NEW(&q->mem, struct status);

	if (!out)
		return request_no_memory(q);
	out->status = word;
	q->answer = out;
	q->status = http_status;
	return 0;
}

static int live_get(struct request *q)
{
	return answer_status(q, "ok", 200);
}

/* On the loop, so that it answers when nothing else does: sys/health.h is kept by a thread of its own. */
static int ready_get(struct request *q)
{
	const struct health_info *bad = health_not_ready();

	if (__atomic_load_n(&q->api->stopping, __ATOMIC_ACQUIRE))
		return answer_status(q, "stopping", 503);
	if (!__atomic_load_n(&q->api->started, __ATOMIC_ACQUIRE))
		return answer_status(q, "starting", 503);
	return bad ? answer_status(q, bad->words, 503) : answer_status(q, "ok", 200);
}

static int64_t memory_bytes(void)
{
	long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%*s %lld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static int failing_parts(struct request *q, struct schema_list *ret)
{
	struct failing_part *items = ARENA_ARRAY(&q->mem, struct failing_part, HEALTH_COUNT);
	size_t n = 0;

	if (!items)
		return request_no_memory(q);
	for (size_t p = 0; p < HEALTH_COUNT; p++) {
		char text[HEALTH_TEXT_BYTES];

		if (!health_get_text((enum health_part)p, text))
			continue;
		items[n].name = health_info((enum health_part)p)->name;
		items[n].text = arena_strndup(&q->mem, text, strlen(text));
		if (!items[n++].text)
			return request_no_memory(q);
	}
	*ret = (struct schema_list){items, n};
	return 0;
}

static int health_get(struct request *q)
{
	struct health *out = ARENA_NEW(&q->mem, struct health);
	struct journal_state journal;
	struct catalogue all;
	int r = providers_catalogue(q->api->c.providers, &q->mem, &all, &q->err);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	char text[HEALTH_TEXT_BYTES];
	bool damaged = health_get_text(HEALTH_database, text);
	const char *no_journal = err_info(E_STORAGE)->text;
	if (health_get_text(HEALTH_journal, text))
		no_journal = arena_strndup(&q->mem, text, strlen(text));
	if (!no_journal)
		return request_no_memory(q);
	struct schema_list failing = {0};
	r = failing_parts(q, &failing);
	if (r < 0)
		return r;
	turns_journal_state(q->api->c.turns, &journal);
	*out = (struct health){.status = failing.n ? "degraded" : "ok",
		.version = ATELIER_VERSION,
		.uptime_s = (clock_mono_ms() - q->api->started_ms) / 1000,
		.database = {.status = damaged ? "damaged" : "ok",
			.commits = metric_get(M_db_commits_total),
			.writes = metric_get(M_db_writes_total)},
		.journal = {.status = journal.error ? "failing" : "ok",
			.error = journal.error ? no_journal : NULL,
			.bytes = journal.bytes,
			.segments = journal.segments},
		.failing = failing,
		.providers = providers_answer(&all),
		.turns_running = turns_live(q->api->c.turns),
		.connections = metric_get(M_http_connections),
		.readers = metric_get(M_stream_readers),
		.memory_bytes = memory_bytes(),
		.disk_free_bytes = __atomic_load_n(&q->api->disk_free, __ATOMIC_RELAXED)};
	rag_memory(q->api->c.rag, &out->documents);
	q->answer = out;
	return 0;
}

static int metrics_get(struct request *q)
{
	const char *access = q->api->c.settings->metrics_access;
	int r;

	if (strcmp(access, "off") == 0)
		return err_set(&q->err, E_NOT_FOUND, "Metrics are switched off (metrics_access).");
	if (strcmp(access, "public") != 0) {
		r = request_identify(q);
		if (r < 0)
			return r;
		if (!user_is_admin(&q->who.user))
			return err_set(&q->err, E_FORBIDDEN, "Only an administrator may do this.");
	}
	metrics_write(&q->raw);
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", "/health/live", "getLive", live_get, ACCESS_PUBLIC, ROUTE_LOOP, .status = 200,
		.answer = &status_schema, .summary = "The program runs."},
	{"GET", "/health/ready", "getReady", ready_get, ACCESS_PUBLIC, ROUTE_LOOP, .status = 200,
		.answer = &status_schema, .summary = "The program can do its work; 503 when it cannot."},
	{"GET", "/health", "getHealth", health_get, ACCESS_ADMIN, ROUTE_SLOW, .status = 200,
		.answer = &health_schema, .summary = "How each part is."},
	{"GET", "/metrics", "getMetrics", metrics_get, ACCESS_PUBLIC, .status = 200,
		.media = "text/plain; version=0.0.4; charset=utf-8",
		FAILS(E_UNAUTHORIZED, E_FORBIDDEN, E_SETUP_REQUIRED, E_NOT_FOUND),
		.summary = "Metrics for Prometheus; the setting metrics_access says for whom."},
};
/* clang-format on */
const struct route_set health_routes = ROUTES(routes);
