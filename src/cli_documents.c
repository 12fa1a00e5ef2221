/* cli_documents.c - `atelier collection add` and `atelier search`: documents of a running server, as the person of an API key. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fold.h"
#include "base/json.h"
#include "engine.h"

#define API        "/api/v1"
#define ANSWER_MAX ((size_t)64 << 20)
#define FILE_MAX   3500000 /* bytes that fit into one request */
#define BOUNDARY   "atelier-9b1f0c6e54d24d7a"

struct talk {
	const struct cli *cli;
	struct engine engine;
	struct cancel cancel;
	struct arena a;
	struct err e;
	const char *authorization;
};

/* ---- calls ---- */

static int tell_refused(struct talk *t, const struct http_result *res)
{
	CLEANUP(json_decrefp) json_t *body = NULL;
	struct str text = buf_str(&res->error_body);
	const char *message = NULL;

	if (json_parse(text.p, text.n, &body, NULL) == 0)
		message = json_get_str(json_object_get(body, "error"), "message");
	return message ? err_set(&t->e, E_INVALID, "%s", message)
		       : err_set(&t->e, E_INVALID, "%s answers with the status %d: that is no Atelier.",
				 t->cli->settings.server, res->status);
}

/* `ret` may be NULL. */
static int fetch(struct talk *t, const char *method, const char *path, const char *type, struct str body, json_t **ret)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(ANSWER_MAX);
	const struct settings *s = &t->cli->settings;
	const char *headers[] = {t->authorization, arena_printf(&t->a, "Content-Type: %s", type), NULL};
	size_t n = strlen(s->server);
	struct http_result res = {.status = 0};

	while (n > 0 && s->server[n - 1] == '/')
		n--;
	const struct http_call call = {.method = method,
		.url = arena_printf(&t->a, "%.*s" API "%s", (int)n, s->server, path),
		.headers = headers,
		.body = body,
		.connect_timeout_ms = s->connect_timeout_ms,
		.first_byte_timeout_ms = s->first_byte_timeout_s * 1000,
		.idle_timeout_ms = s->token_timeout_s * 1000};
	if (!headers[1] || !call.url)
		return err_set(&t->e, -ENOMEM, "no memory for a call");
	int r = http_client_fetch(t->engine.http, &call, &t->cancel, &answer, &res, &t->e);
	if (r == 0 && (res.status < 200 || res.status > 299))
		r = tell_refused(t, &res);
	buf_done(&res.error_body);
	return r < 0 || !ret ? r : json_parse(buf_str(&answer).p, answer.n, ret, &t->e);
}

static int get(struct talk *t, const char *path, json_t **ret)
{
	return path ? fetch(t, "GET", path, "application/json", (struct str){"", 0}, ret)
		    : err_set(&t->e, -ENOMEM, "no memory for a call");
}

static int talk_start(struct talk *t, const struct cli *cli)
{
	*t = (struct talk){.cli = cli};
	arena_init(&t->a, (size_t)1 << 30);
	cancel_init(&t->cancel);
	if (!*cli->settings.server_key)
		return err_set(&t->e, E_INVALID,
			"Documents are the server's: make an API key that may act as you (Settings, API keys) and give "
			"it as "
			"ATELIER_SERVER_KEY.");
	t->authorization = arena_printf(&t->a, "Authorization: Bearer %s", cli->settings.server_key);
	return t->authorization ? engine_start(&t->engine, &(struct configure){.settings = &cli->settings}, &t->e)
				: err_set(&t->e, -ENOMEM, "no memory for a call");
}

static int talk_end(struct talk *t, int r)
{
	engine_stop(&t->engine);
	int status = r < 0 ? report(&t->e) : EXIT_SUCCESS;
	cancel_done(&t->cancel);
	arena_done(&t->a);
	return status;
}

/* ---- collections ---- */

static bool same_name(const char *a, const char *b)
{
	CLEANUP(buf_done) struct buf x = BUF_INIT(65536), y = BUF_INIT(65536);

	fold_add(&x, a, strlen(a));
	fold_add(&y, b, strlen(b));
	return str_eq(buf_str(&x), buf_str(&y));
}

/* *ret_id: in the arena; NULL: there is none. The person's own before others'. */
static int find_collection(struct talk *t, const char *name, const char **ret_id)
{
	CLEANUP(json_decrefp) json_t *all = NULL;
	const char *shared = NULL;
	int r = get(t, "/collections", &all);
	const json_t *items = json_object_get(all, "items");

	*ret_id = NULL;
	for (size_t i = 0; r == 0 && i < json_array_size(items); i++) {
		const json_t *c = json_array_get(items, i);
		const char *may = json_get_str(c, "may"), *called = json_get_str(c, "name"),
			   *id = json_get_str(c, "id");
		if (!may || !called || !id || !same_name(called, name))
			continue;
		if (strcmp(may, "own") == 0)
			*ret_id = arena_strdup(&t->a, id);
		else
			shared = arena_strdup(&t->a, id);
	}
	*ret_id = *ret_id ? *ret_id : shared;
	return r;
}

static int make_collection(struct talk *t, const char *name, const char **ret_id)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	CLEANUP(json_decrefp) json_t *made = NULL;

	buf_add_str(&b, "{\"name\":");
	json_add_cstr(&b, name);
	buf_add_char(&b, '}');
	int r = fetch(t, "POST", "/collections", "application/json", buf_str(&b), &made);
	*ret_id = r < 0 ? NULL : arena_strdup(&t->a, json_get_str(made, "id"));
	return r < 0 || *ret_id ? r : err_set(&t->e, -ENOMEM, "no memory for a name");
}

/* ---- adding ---- */

struct adding {
	struct talk *t;
	const char *collection;
	json_t *there; /* documents of the collection, by name */
	int added, changed, same, failed;
};

static int load_there(struct adding *x)
{
	const char *cursor = NULL;
	int r = 0;

	x->there = json_object();
	do {
		CLEANUP(json_decrefp) json_t *page = NULL;
		r = get(x->t,
			cursor ? arena_printf(&x->t->a, "/collections/%s/documents?limit=1000&cursor=%s", x->collection,
					 cursor)
			       : arena_printf(&x->t->a, "/collections/%s/documents?limit=1000", x->collection),
			&page);
		const json_t *items = json_object_get(page, "items");
		for (size_t i = 0; r == 0 && i < json_array_size(items); i++) {
			json_t *d = json_array_get(items, i);
			if (json_get_str(d, "name"))
				json_object_set(x->there, json_get_str(d, "name"), d);
		}
		cursor = r < 0 || !json_get_str(page, "next") ? NULL
							      : arena_strdup(&x->t->a, json_get_str(page, "next"));
	} while (r == 0 && cursor);
	return r;
}

static int read_file(struct talk *t, const char *path, struct buf *to)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(&t->e, E_INVALID, "%s", strerror(errno));
	if (st.st_size > FILE_MAX)
		return err_set(&t->e, E_TOO_LARGE, "It has more than %d bytes: bring it by the page.", FILE_MAX);
	char *p = buf_reserve(to, (size_t)st.st_size + 1);
	while (p && to->n < (size_t)st.st_size && (n = read(fd, p + to->n, (size_t)st.st_size - to->n)) > 0)
		to->n += (size_t)n;
	return p ? 0 : err_set(&t->e, -ENOMEM, "no memory for a file");
}

static void add_name(struct buf *b, const char *name)
{
	for (; *name; name++)
		if (*name == '"')
			buf_add_str(b, "%22");
		else
			buf_add_char(b, (unsigned char)*name < 0x20 ? ' ' : *name);
}

static int send_file(struct adding *x, const char *name, struct str bytes, const char *replaces)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(FILE_MAX + 8192);

	if (replaces)
		buf_printf(&b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"replaces\"\r\n\r\n%s\r\n",
			replaces);
	buf_add_str(&b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"");
	add_name(&b, name);
	buf_add_str(&b, "\"\r\n\r\n");
	buf_add(&b, bytes.p, bytes.n);
	buf_add_str(&b, "\r\n--" BOUNDARY "--\r\n");
	const char *path = arena_printf(&x->t->a, "/collections/%s/documents", x->collection);
	return buf_status(&b) < 0 || !path
		       ? err_set(&x->t->e, -ENOMEM, "no memory for a file")
		       : fetch(x->t, "POST", path, "multipart/form-data; boundary=" BOUNDARY, buf_str(&b), NULL);
}

static void hash_of(struct str bytes, char ret[65])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)bytes.p, bytes.n);
	sodium_bin2hex(ret, 65, hash, sizeof(hash));
}

/* A file that cannot be brought is told and does not keep others from it. */
static void add_file(struct adding *x, const char *path, const char *name)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(FILE_MAX + 1);
	const json_t *there = json_object_get(x->there, name);
	char hash[65];
	int r = read_file(x->t, path, &bytes);

	if (r == 0) {
		hash_of(buf_str(&bytes), hash);
		if (there && json_get_str(there, "hash") && strcmp(json_get_str(there, "hash"), hash) == 0) {
			x->same++;
			return;
		}
		r = send_file(x, name, buf_str(&bytes), there ? json_get_str(there, "id") : NULL);
	}
	if (r == 0) {
		*(there ? &x->changed : &x->added) += 1;
		return;
	}
	x->failed++;
	print_line(stderr, name);
	fputs(": ", stderr);
	print_line(stderr, x->t->e.msg);
	fputc('\n', stderr);
	err_clear(&x->t->e);
}

/* A folder with all that is in it, but for what is hidden; names begin behind it. */
static int add_path(struct adding *x, char *path)
{
	char *paths[] = {path, NULL};
	size_t n = strlen(path);
	FTSENT *entry;
	/* Looked at first: a walk that is ended before its first step leaks. */
	FTS *walk = access(path, R_OK) < 0 ? NULL : fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

	if (!walk)
		return err_set(&x->t->e, E_INVALID, "%s: %s", path, strerror(errno));
	while ((entry = fts_read(walk)) != NULL) {
		if (entry->fts_level > 0 && entry->fts_name[0] == '.')
			fts_set(walk, entry, FTS_SKIP);
		else if (entry->fts_info == FTS_F)
			add_file(x, entry->fts_accpath,
				entry->fts_level == 0 ? entry->fts_name : entry->fts_path + n + (path[n - 1] != '/'));
	}
	fts_close(walk);
	return 0;
}

int cmd_collection(struct cli *c)
{
	struct adding x = {.collection = NULL};
	struct talk t;
	int r;

	if (c->argc < 3 || strcmp(c->argv[0], "add") != 0)
		return usage_error("Say atelier collection add NAME PATH...");
	x.t = &t;
	r = talk_start(&t, c);
	if (r == 0)
		r = find_collection(&t, c->argv[1], &x.collection);
	if (r == 0 && !x.collection)
		r = make_collection(&t, c->argv[1], &x.collection);
	if (r == 0)
		r = load_there(&x);
	for (int i = 2; r == 0 && i < c->argc; i++)
		r = add_path(&x, c->argv[i]);
	json_decref(x.there);
	if (r == 0)
		printf("%d added, %d changed, %d unchanged, %d failed\n", x.added, x.changed, x.same, x.failed);
	int status = talk_end(&t, r);
	return x.failed ? EXIT_FAILURE : status;
}

/* ---- searching ---- */

static void print_hit(const json_t *hit)
{
	const char *document = json_get_str(hit, "document"), *heading = json_get_str(hit, "heading"),
		   *text = json_get_str(hit, "text");
	int64_t page = json_get_i64(hit, "page", 0);

	if (!document || !heading || !text)
		return;
	print_line(stdout, document);
	if (page)
		printf(", p. %lld", (long long)page);
	if (*heading) {
		fputs(": ", stdout);
		print_line(stdout, heading);
	}
	fputs("\n    ", stdout);
	print_text(stdout, text, strlen(text));
	fputs("\n\n", stdout);
}

static int search(struct talk *t, const char *id, int argc, char **argv)
{
	CLEANUP(buf_done) struct buf words = BUF_INIT(16384), b = BUF_INIT(65536);
	CLEANUP(json_decrefp) json_t *found = NULL;

	for (int i = 0; i < argc; i++)
		buf_printf(&words, "%s%s", i ? " " : "", argv[i]);
	buf_add_str(&b, "{\"query\":");
	json_add_string(&b, buf_str(&words).p, words.n);
	buf_printf(&b, ",\"collection_ids\":[\"%s\"]}", id);
	int r = fetch(t, "POST", "/search", "application/json", buf_str(&b), &found);
	const json_t *items = json_object_get(found, "items");
	for (size_t i = 0; r == 0 && i < json_array_size(items); i++)
		print_hit(json_array_get(items, i));
	if (r == 0 && json_array_size(items) == 0)
		puts("Nothing was found.");
	return r;
}

int cmd_search(struct cli *c)
{
	const char *id = NULL;
	struct talk t;
	int r;

	if (c->argc < 2)
		return usage_error("Say atelier search COLLECTION WORDS...");
	r = talk_start(&t, c);
	if (r == 0)
		r = find_collection(&t, c->argv[0], &id);
	if (r == 0 && !id)
		r = err_set(&t.e, E_NOT_FOUND, "There is no collection %s, or it is not shared with you.", c->argv[0]);
	return talk_end(&t, r < 0 ? r : search(&t, id, c->argc - 1, c->argv + 1));
}
