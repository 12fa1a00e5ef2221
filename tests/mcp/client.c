/*
 * client.c - the MCP client by itself, for tests: asks a server what the lines of its standard input say, each on a thread of its
 * own, and writes what comes as lines of JSON.
 *
 *	client [--era legacy|modern] [--read FOLDER] [--write FOLDER] [--env NAME=VALUE] [--timeout MS] (--url URL | -- PROGRAM WORD ...)
 *
 *	client --walls                                             says "all", or why programs cannot be run
 *
 *	{"id":1,"op":"list","what":"tools"}                        {"id":1,"items":[..]}
 *	{"id":2,"op":"call","name":"echo","arguments":{..}}        {"id":2,"text":"..","failed":false,"files":[..],"structured":..}
 *	{"id":3,"op":"request","method":"..","params":{..}}        {"id":3,"result":..}
 *	{"id":4,"op":"cancel","of":2}  {"id":5,"op":"answer","of":2,"said":{..}}  {"id":6,"op":"close"}  {"id":7,"op":"errors"}
 *	                                                           {"id":2,"progress":1,"total":2}  {"id":2,"ask":"..","schema":{..}}
 *	                                                           {"changed":true}  {"id":2,"error":"..","code":-5014}
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/client.h"
#include "sys/loop.h"
#include "tool/mcp.h"

enum { WORDS = 32 };

struct job {
	struct job *next;
	pthread_t thread;
	json_t *asked;
	struct cancel cancel;
	json_t *said; /* the answer to its question; under mx */
	bool ended;
};

static struct mcp *server;
static struct job *jobs;
static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER, out = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;

static void say(json_t *o)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT((size_t)256 << 20);

	json_add_value(&text, o);
	buf_add_char(&text, '\n');
	pthread_mutex_lock(&out);
	fwrite(text.p, 1, text.n, stdout);
	fflush(stdout);
	pthread_mutex_unlock(&out);
	json_decref(o);
}

static json_t *about(const struct job *j)
{
	return json_pack("{s:O}", "id", json_object_get(j->asked, "id"));
}

static void on_progress(void *arg, double done, double total, const char *message)
{
	json_t *o = about(arg);

	json_object_set_new(o, "progress", json_real(done));
	json_object_set_new(o, "total", json_real(total));
	json_object_set_new(o, "message", message ? json_string(message) : json_null());
	say(o);
}

static int on_ask(void *arg, const char *from, const char *message, const char *schema, const char *url,
	struct buf *ret, struct err *e)
{
	struct job *j = arg;
	json_t *o = about(j), *form = NULL;

	json_object_set_new(o, "from", json_string(from));
	json_object_set_new(o, "ask", json_string(message));
	json_object_set_new(o, "url", url ? json_string(url) : json_null());
	if (schema && json_parse(schema, strlen(schema), &form, e) == 0)
		json_object_set_new(o, "schema", form);
	say(o);
	pthread_mutex_lock(&mx);
	while (!j->said)
		pthread_cond_wait(&cv, &mx);
	json_add_value(ret, j->said);
	json_decref(j->said);
	j->said = NULL;
	pthread_mutex_unlock(&mx);
	return 0;
}

static void on_changed(void *arg UNUSED)
{
	say(json_pack("{s:b}", "changed", 1));
}

static json_t *files_of(const struct tool_result *r)
{
	json_t *files = json_array();

	for (size_t i = 0; i < r->n_files; i++)
		json_array_append_new(files, json_pack("{s:s,s:s,s:I}", "name", r->files[i].name, "media_type",
						     r->files[i].media_type, "size", (json_int_t)r->files[i].n));
	return files;
}

static int do_call(struct job *j, const struct tool_run *run, json_t *o, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct tool_result r = {0};
	json_t *structured = NULL, *none = json_object();
	const json_t *arguments = json_object_get(j->asked, "arguments");

	arena_init(&a, (size_t)64 << 20);
	int code = mcp_call(server, json_get_str(j->asked, "name"), json_object_get(j->asked, "schema"),
		arguments ? arguments : none, run, &a, &r, e);
	if (code == 0) {
		json_object_set_new(o, "text", json_stringn(r.text.p ? r.text.p : "", r.text.n));
		json_object_set_new(o, "failed", json_boolean(r.failed));
		json_object_set_new(o, "files", files_of(&r));
		if (r.structured.n > 0 && json_parse(r.structured.p, r.structured.n, &structured, NULL) == 0)
			json_object_set_new(o, "structured", structured);
	}
	json_decref(none);
	buf_done(&r.text);
	buf_done(&r.whole);
	buf_done(&r.structured);
	return code;
}

static void *run_job(void *arg)
{
	struct job *j = arg;
	struct tool_run run = {.cancel = &j->cancel, .progress = on_progress, .ask = on_ask, .arg = j};
	const char *op = json_get_str(j->asked, "op");
	json_t *o = about(j), *got = NULL;
	struct err e = {0};
	int64_t began = clock_mono_ms();
	int r = 0;

	if (strcmp(op, "list") == 0)
		r = mcp_list(server, json_get_str(j->asked, "what"), &run, &got, &e);
	else if (strcmp(op, "request") == 0)
		r = mcp_request(server, json_get_str(j->asked, "method"),
			json_incref(json_object_get(j->asked, "params")), &run, &got, &e);
	else if (strcmp(op, "call") == 0)
		r = do_call(j, &run, o, &e);
	if (got)
		json_object_set_new(o, strcmp(op, "list") == 0 ? "items" : "result", got);
	if (r < 0) {
		json_object_set_new(o, "error", json_string(e.msg));
		json_object_set_new(o, "code", json_integer(r));
	}
	json_object_set_new(o, "ms", json_integer(clock_mono_ms() - began));
	say(o);
	return NULL;
}

/* mx held. */
static struct job *job_of(const json_t *asked)
{
	struct job *j = jobs;

	while (j && !json_equal(json_object_get(j->asked, "id"), json_object_get(asked, "of")))
		j = j->next;
	return j;
}

static void at_once(const json_t *asked, const char *op)
{
	json_t *o = json_pack("{s:O}", "id", json_object_get(asked, "id"));
	CLEANUP(buf_done) struct buf errors = BUF_INIT(1 << 20);

	pthread_mutex_lock(&mx);
	struct job *j = job_of(asked);
	if (j && strcmp(op, "answer") == 0)
		j->said = json_incref(json_object_get(asked, "said"));
	pthread_cond_broadcast(&cv);
	pthread_mutex_unlock(&mx);
	if (j && strcmp(op, "cancel") == 0)
		cancel_fire(&j->cancel, E_CANCELED);
	if (strcmp(op, "close") == 0)
		mcp_close(server);
	if (strcmp(op, "errors") == 0) {
		mcp_errors(server, &errors);
		json_object_set_new(o, "errors", json_stringn(errors.p ? errors.p : "", errors.n));
	}
	if (strcmp(op, "about") == 0) {
		json_t *it = mcp_about(server);
		json_object_set_new(o, "about", it ? it : json_null());
	}
	json_object_set_new(o, "idle", json_boolean(mcp_idle_since(server) != 0));
	say(o);
}

static void take_line(const char *line, size_t n)
{
	struct err e = {0};
	json_t *asked = NULL;

	if (json_parse(line, n, &asked, &e) < 0 || !json_get_str(asked, "op")) {
		fprintf(stderr, "not understood: %s\n", line);
		exit(2);
	}
	const char *op = json_get_str(asked, "op");
	if (strcmp(op, "call") != 0 && strcmp(op, "list") != 0 && strcmp(op, "request") != 0) {
		at_once(asked, op);
		json_decref(asked);
		return;
	}
	struct job *j = xcalloc(1, sizeof(*j));
	j->asked = asked;
	cancel_init(&j->cancel);
	pthread_mutex_lock(&mx);
	j->next = jobs;
	jobs = j;
	pthread_mutex_unlock(&mx);
	if (pthread_create(&j->thread, NULL, run_job, j) != 0)
		exit(2);
}

static void *run_loop(void *l)
{
	loop_run(l);
	return NULL;
}

static void end_jobs(void)
{
	while (jobs) {
		struct job *j = jobs;

		pthread_join(j->thread, NULL);
		jobs = j->next;
		cancel_done(&j->cancel);
		json_decref(j->asked);
		json_decref(j->said);
		free(j);
	}
}

static int serve(const struct mcp_config *c)
{
	struct loop *l = loop_new();
	struct http_client *http;
	struct mcp_shared *shared;
	struct err e = {0};
	pthread_t thread;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (http_client_new(l, &http) < 0 || mcp_shared_new(http, 8, &shared, &e) < 0 ||
		mcp_new(shared, c, &server, &e) < 0 || pthread_create(&thread, NULL, run_loop, l) != 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 2;
	}
	while ((n = getline(&line, &room, stdin)) > 0)
		take_line(line, (size_t)n);
	free(line);
	end_jobs();
	mcp_free(server);
	mcp_shared_free(shared);
	loop_stop(l);
	pthread_join(thread, NULL);
	http_client_free(http);
	loop_free(l);
	return 0;
}

int main(int argc, char **argv)
{
	const char *reads[WORDS] = {0}, *env[WORDS] = {"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"},
		   *headers[WORDS] = {0};
	size_t n_reads = 0, n_env = 3, n_headers = 0;
	struct mcp_config c = {.label = "test", .changed = on_changed};

	if (argc > 1 && strcmp(argv[1], "confine") == 0)
		sandbox_confine(argc - 2, argv + 2, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	c.program.least = SANDBOX_NAMESPACES;
	if (argc > 1 && strcmp(argv[1], "--walls") == 0) {
		puts(sandbox_walls() >= SANDBOX_NAMESPACES ? "all" : sandbox_why());
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (strcmp(word, "--") == 0 && argv[i + 1]) {
			c.program.argv = (const char *const *)argv + i + 1;
			break;
		}
		if (!argv[++i] || n_reads == WORDS - 1 || n_env == WORDS - 1 || n_headers == WORDS - 1)
			return 2;
		if (strcmp(word, "--url") == 0)
			c.url = argv[i];
		else if (strcmp(word, "--era") == 0)
			c.era = strcmp(argv[i], "modern") == 0 ? MCP_MODERN : MCP_LEGACY;
		else if (strcmp(word, "--read") == 0)
			reads[n_reads++] = argv[i];
		else if (strcmp(word, "--write") == 0)
			c.program.writable = argv[i];
		else if (strcmp(word, "--env") == 0)
			env[n_env++] = argv[i];
		else if (strcmp(word, "--header") == 0)
			headers[n_headers++] = argv[i];
		else if (strcmp(word, "--timeout") == 0)
			c.timeout_ms = strtoll(argv[i], NULL, 10);
	}
	c.program.readable = reads;
	c.program.env = env;
	c.headers = headers;
	return serve(&c);
}
