/* cli_documents.c - `atelier collection add` and `atelier search`: documents of a running server, as the person of an API key. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/fold.h"
#include "base/json.h"
#include "base/utf8.h"
#include "engine.h"

#define API        "/api/v1"
#define ANSWER_MAX ((size_t)64 << 20)
#define FILE_MAX   3500000 /* bytes that fit into one request */
#define PART       ((int64_t)4 << 20)
#define AWAY_MS    60000 /* a server that is away for longer is not waited for */
#define NAME_BYTES ((size_t)255)
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

static const char *url_of(struct talk *t, const char *path)
{
	const char *server = t->cli->settings.server;
	size_t n = strlen(server);

	while (n > 0 && server[n - 1] == '/')
		n--;
	return arena_printf(&t->a, "%.*s" API "%s", (int)n, server, path);
}

static struct http_call call_of(
	struct talk *t, const char *method, const char *path, const char *const *headers, struct str body)
{
	const struct settings *s = &t->cli->settings;

	return (struct http_call){.method = method,
		.url = url_of(t, path),
		.headers = headers,
		.body = body,
		.connect_timeout_ms = s->connect_timeout_ms,
		.first_byte_timeout_ms = s->first_byte_timeout_s * 1000,
		.idle_timeout_ms = s->token_timeout_s * 1000};
}

/* `ret` may be NULL. */
static int fetch(struct talk *t, const char *method, const char *path, const char *type, struct str body, json_t **ret)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(ANSWER_MAX);
	const char *headers[] = {t->authorization, arena_printf(&t->a, "Content-Type: %s", type), NULL};
	const struct http_call call = call_of(t, method, path, headers, body);
	struct http_result res = {.status = 0};

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
	json_t *there;   /* documents of the collection, by name */
	json_t *brought; /* names of this run */
	int added, changed, same, failed;
};

static int load_there(struct adding *x)
{
	const char *cursor = NULL;
	int r = 0;

	x->there = json_object();
	x->brought = json_object();
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

/* A file that is being brought. */
struct file {
	int fd;
	int64_t size;
	const char *name;     /* of the document */
	const char *replaces; /* NULL: nothing */
};

/* As the server would write it, so that it is found again: a name of a file may be any bytes. */
static const char *name_of(struct talk *t, const char *path)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);

	utf8_add_repaired(&b, path, strlen(path));
	for (size_t i = 0; i < b.n; i++)
		if ((unsigned char)b.p[i] < 0x20 || b.p[i] == 0x7f)
			b.p[i] = ' ';
	return arena_strndup(&t->a, buf_str(&b).p, utf8_prefix(buf_str(&b).p, b.n, NAME_BYTES));
}

/* Adds what stands there. It is a failure when the file has become shorter. */
static int read_at(struct talk *t, const struct file *f, int64_t at, int64_t size, struct buf *to)
{
	char *p = buf_reserve(to, (size_t)size + 1);
	int64_t n = 0;

	while (p && n < size) {
		ssize_t got = pread(f->fd, p + n, (size_t)(size - n), at + n);
		if (got < 0)
			return err_set(&t->e, E_INVALID, "%s", strerror(errno));
		if (got == 0)
			return err_set(&t->e, E_INVALID, "It became shorter while it was read.");
		n += got;
	}
	to->n += p ? (size_t)n : 0;
	return p ? 0 : err_set(&t->e, -ENOMEM, "no memory for a file");
}

static int hash_of(struct talk *t, const struct file *f, char ret[65])
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	int r = 0;

	crypto_hash_sha256_init(&state);
	for (int64_t at = 0; r == 0 && at < f->size; at += PART) {
		CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)PART + 1);
		r = read_at(t, f, at, MIN(f->size - at, PART), &b);
		crypto_hash_sha256_update(&state, (const unsigned char *)buf_str(&b).p, b.n);
	}
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(ret, 65, hash, sizeof(hash));
	return r;
}

/* ---- in one request ---- */

static int send_whole(struct adding *x, const struct file *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(FILE_MAX + 8192);

	if (f->replaces)
		buf_printf(&b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"replaces\"\r\n\r\n%s\r\n",
			f->replaces);
	buf_printf(&b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n",
		f->name);
	int r = read_at(x->t, f, 0, f->size, &b);
	buf_add_str(&b, "\r\n--" BOUNDARY "--\r\n");
	const char *path = arena_printf(&x->t->a, "/collections/%s/documents", x->collection);
	if (r < 0)
		return r;
	return buf_status(&b) < 0 || !path
		       ? err_set(&x->t->e, -ENOMEM, "no memory for a file")
		       : fetch(x->t, "POST", path, "multipart/form-data; boundary=" BOUNDARY, buf_str(&b), NULL);
}

/* ---- in parts ---- */

/* What the server says of an upload. */
struct upload {
	char id[64];
	int64_t offset;
	int status; /* of the last request; 0: there was no answer */
};

static bool header_is(const char *line, size_t n, const char *name, char *ret, size_t size)
{
	size_t k = strlen(name);

	if (n <= k || strncasecmp(line, name, k) != 0)
		return false;
	while (k < n && line[k] == ' ')
		k++;
	while (n > k && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	snprintf(ret, size, "%.*s", (int)(n - k), line + k);
	return true;
}

/* Loop. */
static void on_upload_header(void *arg, const char *line, size_t n)
{
	struct upload *u = arg;
	char value[1024];

	if (header_is(line, n, "Upload-Offset:", value, sizeof(value)))
		u->offset = strtoll(value, NULL, 10);
	else if (header_is(line, n, "Location:", value, sizeof(value)))
		snprintf(u->id, sizeof(u->id), "%.63s", strrchr(value, '/') ? strrchr(value, '/') + 1 : value);
}

/* Loop. What is answered beside the head says nothing more. */
static int on_upload_data(void *arg UNUSED, const char *p UNUSED, size_t n UNUSED)
{
	return 0;
}

static int ask_upload(struct talk *t, struct upload *u, const char *method, const char *said, struct str body)
{
	const char *headers[] = {
		t->authorization, "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", said, NULL};
	struct http_call call =
		call_of(t, method, arena_printf(&t->a, "/uploads%s%s", *u->id ? "/" : "", u->id), headers, body);
	struct http_result res = {.status = 0};

	call.on_header = on_upload_header;
	call.on_data = on_upload_data;
	call.arg = u;
	int r = http_client_run(t->engine.http, &call, &t->cancel, &res, &t->e);
	u->status = res.status;
	if (r == 0 && (res.status < 200 || res.status > 299))
		r = tell_refused(t, &res);
	buf_done(&res.error_body);
	return r;
}

/* Whether it may be gone on with: the server was not there, or has other bytes than was believed. */
static bool is_passing(const struct upload *u)
{
	return u->status == 0 || u->status == 409 || u->status == 423 || u->status >= 500;
}

/* What can be asked once more, until the server says something to that. */
static int ask_again(struct talk *t, struct upload *u, const char *method, const char *said)
{
	int64_t until = clock_mono_ms() + AWAY_MS;
	int r = ask_upload(t, u, method, said, (struct str){"", 0});

	while (r < 0 && is_passing(u) && clock_mono_ms() < until) {
		nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
		err_clear(&t->e);
		r = ask_upload(t, u, method, said, (struct str){"", 0});
	}
	return r;
}

static int upload(struct talk *t, const struct file *f, struct upload *u)
{
	char said[64];
	int r;

	snprintf(said, sizeof(said), "Upload-Length: %lld", (long long)f->size);
	r = ask_again(t, u, "POST", said);
	while (r == 0 && u->offset < f->size) {
		CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)PART + 1);
		r = read_at(t, f, u->offset, MIN(f->size - u->offset, PART), &b);
		if (r < 0)
			return r;
		snprintf(said, sizeof(said), "Upload-Offset: %lld", (long long)u->offset);
		r = ask_upload(t, u, "PATCH", said, buf_str(&b));
		if (r < 0 && is_passing(u)) {
			err_clear(&t->e);
			r = ask_again(t, u, "HEAD", NULL); /* where to go on */
		}
	}
	return r;
}

static int send_in_parts(struct adding *x, const struct file *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	struct upload u = {.offset = 0};
	int r = upload(x->t, f, &u);

	buf_printf(&b, "{\"upload_id\":\"%s\",\"name\":", u.id);
	json_add_cstr(&b, f->name);
	if (f->replaces)
		buf_printf(&b, ",\"replaces\":\"%s\"", f->replaces);
	buf_add_char(&b, '}');
	const char *path = arena_printf(&x->t->a, "/collections/%s/documents", x->collection);
	if (r < 0)
		return r;
	return path ? fetch(x->t, "POST", path, "application/json", buf_str(&b), NULL)
		    : err_set(&x->t->e, -ENOMEM, "no memory for a file");
}

/* ---- files and folders ---- */

/* 1: it has been there before. */
static int bring(struct adding *x, const struct file *f, const json_t *there)
{
	const char *hash = json_get_str(there, "hash");
	char now[65];

	if (!f->name)
		return err_set(&x->t->e, -ENOMEM, "no memory for a name");
	int r = hash_of(x->t, f, now);
	if (r < 0)
		return r;
	if (hash && strcmp(hash, now) == 0)
		return 1;
	/* A form has no way to write these in a name that all servers read alike. */
	return f->size > FILE_MAX || strpbrk(f->name, "\"\\%") ? send_in_parts(x, f) : send_whole(x, f);
}

static int open_file(struct talk *t, const char *path, struct file *ret)
{
	struct stat st;

	ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return err_set(&t->e, E_INVALID, "%s", strerror(errno));
	ret->size = st.st_size;
	return S_ISREG(st.st_mode) ? 0 : err_set(&t->e, E_INVALID, "It is no file.");
}

static void tell_failed(struct adding *x, const char *name, const char *why)
{
	x->failed++;
	print_line(stderr, name);
	fputs(": ", stderr);
	print_line(stderr, why);
	fputc('\n', stderr);
}

/* A file that cannot be brought is told and does not keep others from it. */
static void add_file(struct adding *x, const char *path, const char *called)
{
	struct file f = {.fd = -1, .name = name_of(x->t, called)};
	const json_t *there = f.name ? json_object_get(x->there, f.name) : NULL;
	int r = open_file(x->t, path, &f);

	f.replaces = json_get_str(there, "id");
	if (r == 0 && f.name && json_object_get(x->brought, f.name))
		r = err_set(&x->t->e, E_CONFLICT,
			"Another file of this name was brought before: bring the folder above both, or each to a "
			"collection "
			"of its own.");
	if (r == 0)
		r = bring(x, &f, there);
	if (r >= 0)
		json_object_set_new(x->brought, f.name, json_true());
	if (f.fd >= 0)
		close(f.fd);
	if (r == 0)
		*(there ? &x->changed : &x->added) += 1;
	else if (r > 0)
		x->same++;
	else
		tell_failed(x, called, x->t->e.msg);
	err_clear(&x->t->e);
}

static void add_entry(struct adding *x, FTS *walk, FTSENT *entry, size_t n)
{
	const char *name = entry->fts_level == 0 ? entry->fts_name : entry->fts_path + n;
	bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';

	while (*name == '/' && entry->fts_level > 0)
		name++;
	if (hidden)
		fts_set(walk, entry, FTS_SKIP);
	else if (entry->fts_info == FTS_F || (entry->fts_info == FTS_DEFAULT && entry->fts_level == 0))
		add_file(x, entry->fts_accpath, name);
	else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
		tell_failed(x, *name ? name : entry->fts_path, strerror(entry->fts_errno));
}

/* A folder with all that is in it, but for what is hidden and links; names begin behind it. */
static int add_path(struct adding *x, char *path)
{
	char *paths[] = {path, NULL};
	FTSENT *entry;
	/* Looked at first: a walk that is ended before its first step leaks. */
	FTS *walk = access(path, R_OK) < 0 ? NULL : fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);

	if (!walk)
		return err_set(&x->t->e, E_INVALID, "%s: %s", path, strerror(errno));
	while ((entry = fts_read(walk)) != NULL)
		add_entry(x, walk, entry, strlen(path));
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
	json_decref(x.brought);
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
