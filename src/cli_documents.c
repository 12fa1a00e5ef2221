/* cli_documents.c - `atelier collection add` and `atelier search`: documents of a running server, as the person of an API key. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fold.h"
#include "base/utf8.h"
#include "cli_talk.h"
#include "rag/rag.h"

#define NAME_BYTES ((size_t)255)
#define TRIES      10
#define LOOK_MS    500 /* how often is looked whether a document has been read */

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
	int r = talk_get(t, "/collections", &all);
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
	int r = talk_fetch(t, "POST", "/collections", "application/json", buf_str(&b), &made);
	*ret_id = r < 0 ? NULL : arena_strdup(&t->a, json_get_str(made, "id"));
	return r < 0 || *ret_id ? r : err_set(&t->e, -ENOMEM, "no memory for a name");
}

/* ---- adding ---- */

/* A file that has changed while what was brought before it is still being read. */
struct late {
	struct late *next;
	const char *path, *called;
};

struct adding {
	struct talk *t;
	const char *collection;
	json_t *there;   /* documents of the collection, by name */
	json_t *brought; /* names of this run */
	struct late *late, **end;
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
		r = talk_get(x->t,
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

/* ---- a file ---- */

/* It takes no other file then. */
static bool is_being_read(const json_t *document)
{
	const char *state = json_get_str(document, "state");

	return state && (strcmp(state, "queued") == 0 || strcmp(state, "reading") == 0);
}

/* 1: it has been there before. E_CONFLICT: what is there is being read. */
static int bring(struct adding *x, const struct file *f, const json_t *there)
{
	const char *hash = json_get_str(there, "hash");
	char now[65];

	ASSERT(f->fd >= 0 && x->collection);
	if (!f->name)
		return err_set(&x->t->e, -ENOMEM, "no memory for a name");
	int r = file_hash(x->t, f, now);
	if (r < 0)
		return r;
	if (hash && strcmp(hash, now) == 0)
		return 1;
	return is_being_read(there) ? err_set(&x->t->e, E_CONFLICT, "It is being read.")
				    : file_send(x->t, x->collection, f);
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

/* Others are not kept waiting by it: its turn comes behind them. */
static int put_off(struct adding *x, const char *path, const char *called)
{
	struct late *l = ARENA_NEW(&x->t->a, struct late);

	if (l)
		*l = (struct late){NULL, arena_strdup(&x->t->a, path), arena_strdup(&x->t->a, called)};
	if (!l || !l->path || !l->called)
		return err_set(&x->t->e, -ENOMEM, "no memory for a name");
	*x->end = l;
	x->end = &l->next;
	return 0;
}

static void count(struct adding *x, int r, bool new, const char *called)
{
	if (r == 0)
		*(new ? &x->added : &x->changed) += 1;
	else if (r > 0)
		x->same++;
	else
		tell_failed(x, called, x->t->e.msg);
	err_clear(&x->t->e);
}

static int open_and_bring(struct adding *x, const char *path, const char *name, bool *ret_new)
{
	const json_t *there = json_object_get(x->there, name);
	struct file f = {.fd = -1, .name = name, .replaces = json_get_str(there, "id")};
	int r = open_file(x->t, path, &f);

	*ret_new = !there;
	if (r == 0)
		r = bring(x, &f, there);
	if (f.fd >= 0)
		close(f.fd);
	return r;
}

/* A file that cannot be brought is told and does not keep others from it. */
static void add_file(struct adding *x, const char *path, const char *called)
{
	const char *name = name_of(x->t, called);
	bool new = false;
	int r = name ? 0 : err_set(&x->t->e, -ENOMEM, "no memory for a name");

	if (r == 0 && json_object_get(x->brought, name))
		r = err_set(&x->t->e, E_EXISTS,
			"Another file of this name was brought before: bring the folder above both, or each to a "
			"collection of its own.");
	if (r == 0)
		r = open_and_bring(x, path, name, &new);
	if (r >= 0 || r == E_CONFLICT)
		json_object_set_new(x->brought, name, json_true());
	if (r == E_CONFLICT) {
		err_clear(&x->t->e);
		r = put_off(x, path, called);
		if (r == 0)
			return;
	}
	count(x, r, new, called);
}

/* ---- what had to wait ---- */

/* Until the document of the name takes another file; it may be gone by then. */
static int wait_for(struct adding *x, const char *name, bool *told)
{
	const char *id = json_get_str(json_object_get(x->there, name), "id");
	const char *path = arena_printf(&x->t->a, "/documents/%s", id ? id : "");

	for (;;) {
		CLEANUP(json_decrefp) json_t *now = NULL;
		int r = talk_get(x->t, path, &now);
		const char *why = json_get_str(json_object_get(now, "error"), "message");
		if (r == E_NOT_FOUND) {
			err_clear(&x->t->e);
			json_object_del(x->there, name);
			return 0;
		}
		if (r < 0)
			return r;
		if (!is_being_read(now))
			return json_object_set(x->there, name, now) == 0
				       ? 0
				       : err_set(&x->t->e, -ENOMEM, "no memory for a document");
		if (why) /* there is no room, or its server is away: nobody knows for how long */
			return err_set(&x->t->e, E_INVALID, "What is there of it waits to be read. %s", why);
		if (!*told)
			fputs("Waiting until what has changed again has been read as it was ...\n", stderr);
		*told = true;
		nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
	}
}

static void add_late(struct adding *x)
{
	bool told = false;

	for (const struct late *l = x->late; l; l = l->next) {
		const char *name = name_of(x->t, l->called);
		bool new = false;
		int r = E_CONFLICT; /* somebody else may have brought another one meanwhile */
		for (int tries = 0; r == E_CONFLICT && tries < TRIES; tries++) {
			err_clear(&x->t->e);
			r = name ? wait_for(x, name, &told) : err_set(&x->t->e, -ENOMEM, "no memory for a name");
			if (r == 0)
				r = open_and_bring(x, l->path, name, &new);
		}
		count(x, r, new, l->called);
	}
}

/* ---- files and folders ---- */

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
static void add_path(struct adding *x, char *path)
{
	char *paths[] = {path, NULL};
	FTSENT *entry;
	/* Looked at first: a walk that is ended before its first step leaks. */
	FTS *walk = access(path, R_OK) < 0 ? NULL : fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);

	if (!walk) {
		tell_failed(x, path, strerror(errno));
		return;
	}
	while ((entry = fts_read(walk)) != NULL)
		add_entry(x, walk, entry, strlen(path));
	fts_close(walk);
}

int cmd_collection(struct cli *c)
{
	struct adding x = {.collection = NULL};
	struct talk t;
	int r;

	if (c->argc < 3 || strcmp(c->argv[0], "add") != 0)
		return usage_error("Say atelier collection add NAME PATH...");
	x.t = &t;
	x.end = &x.late;
	r = talk_start(&t, c);
	if (r == 0)
		r = find_collection(&t, c->argv[1], &x.collection);
	if (r == 0 && !x.collection)
		r = make_collection(&t, c->argv[1], &x.collection);
	if (r == 0)
		r = load_there(&x);
	for (int i = 2; r == 0 && i < c->argc; i++)
		add_path(&x, c->argv[i]);
	if (r == 0)
		add_late(&x);
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
	CLEANUP(buf_done) struct buf place = BUF_INIT(4096);

	if (!document || !heading || !text)
		return;
	print_line(stdout, document);
	rag_add_place(&place, json_get_str(hit, "place"), json_get_i64(hit, "page", 0), json_get_str(hit, "label"));
	if (place.n) {
		fputs(", ", stdout);
		print_line(stdout, buf_str(&place).p);
	}
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

	ASSERT(id && argc > 0);
	for (int i = 0; i < argc; i++)
		buf_printf(&words, "%s%s", i ? " " : "", argv[i]);
	buf_add_str(&b, "{\"query\":");
	json_add_string(&b, buf_str(&words).p, words.n);
	buf_printf(&b, ",\"collection_ids\":[\"%s\"]}", id);
	int r = talk_fetch(t, "POST", "/search", "application/json", buf_str(&b), &found);
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
