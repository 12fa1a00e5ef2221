/*
 * cli_doctor.c - `atelier doctor`: one line a thing, and what to do about it. It looks by the same functions as the server and
 * leaves all as it was: a database is not migrated, a running server not disturbed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "engine.h"
#include "http/client.h"
#include "http/listen.h"
#include "rag/extract.h"
#include "store/store.h"
#include "sys/sandbox.h"

#define LOW_DISK ((uint64_t)1 << 30)

struct doctor {
	const struct settings *settings;
	bool failed;
	bool serving;  /* a server works in the data folder */
	struct db *db; /* NULL: not there, or it cannot be opened */
	struct tls *tls;
	struct vault vault;
	bool has_vault;
};

enum verdict { OK, WARN, FAIL };

static void PRINTF(4, 5) say(struct doctor *d, enum verdict v, const char *what, const char *fmt, ...)
{
	static const char *const words[] = {"ok", "warn", "fail"};
	char line[2048];
	va_list ap;

	ASSERT((size_t)v < N_ELEMENTS(words));
	int n = snprintf(line, sizeof(line), "%-4s  %-11.100s  ", words[v], what);
	ASSERT(n > 0 && (size_t)n < sizeof(line)); /* the rest is written behind it */
	va_start(ap, fmt);
	(void)vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	print_line(stdout, line);
	putchar('\n');
	d->failed |= v == FAIL;
}

/* ---- the data folder ---- */

/* Not by its mode: a read-only disk and root's rights show only when something is written. */
static bool can_write(const char *folder)
{
	char file[PATH_MAX];

	if ((size_t)snprintf(file, sizeof(file), "%s/doctor.tmp", folder) >= sizeof(file))
		return false;
	CLEANUP(closep) int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool wrote = write(fd, "x", 1) == 1;
	int why = errno;
	(void)unlink(file);
	errno = why;
	return wrote;
}

static void check_space(struct doctor *d)
{
	struct statvfs v;

	if (statvfs(d->settings->data, &v) < 0)
		return;
	uint64_t left = (uint64_t)v.f_bavail * v.f_frsize;
	say(d, left < LOW_DISK ? WARN : OK, "disk", "%.1f GB free%s", (double)left / 1e9,
		left < LOW_DISK ? "; make room before it is full: nothing can be stored then" : "");
}

/* True when it is there. */
static bool check_folder(struct doctor *d)
{
	const char *path = d->settings->data;
	struct stat st;

	if (stat(path, &st) < 0 && errno == ENOENT) {
		say(d, OK, "data folder", "%s is not there yet; atelier serve makes it", path);
		return false;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		say(d, FAIL, "data folder", "%s is not a folder that can be read; choose another with --data", path);
		return false;
	}
	if (!can_write(path)) {
		say(d, FAIL, "data folder", "%s cannot be written (%s); give it to the user who runs Atelier", path,
			strerror(errno));
		return true;
	}
	if (st.st_mode & 077)
		say(d, WARN, "data folder", "%s can be looked into by others; chmod 700 %s", path, path);
	else
		say(d, OK, "data folder", "%s", path);
	check_space(d);
	return true;
}

/* ---- the database ---- */

static void check_open_database(struct doctor *d, struct db *db)
{
	const char *path = db_place(db);
	CLEANUP(arena_done) struct arena a;
	struct err e = {0};
	const char *found = "", *lost;
	int64_t until_s;

	arena_init(&a, 1 << 20);
	if ((lost = db_lost(db, &until_s)) != NULL)
		say(d, WARN, "database", "%s", lost);
	if (db_check(db, &a, &found, &e) < 0)
		say(d, FAIL, "database", "%s cannot be checked: %s", path, e.msg);
	else if (strcmp(found, "ok") != 0)
		say(d, FAIL, "database", "%s is damaged (%.200s); put back a backup", path, found);
	else
		say(d, OK, "database", "%s is whole", path);
}

static void check_database(struct doctor *d)
{
	CLEANUP(freep) char *path = database_path(d->settings);
	struct err e = {0};
	struct stat st;

	if (database_check(d->settings, &e) < 0) {
		say(d, FAIL, "database", "%s", e.msg);
		return;
	}
	if (database_is_file(d->settings) && stat(path, &st) < 0) {
		say(d, OK, "database", "not there yet; atelier serve makes it");
		return;
	}
	int r = database_connect(d->settings, &(struct db_config){.readers = 1, .as_it_is = true}, &d->db, &e);
	if (r < 0) {
		say(d, r == E_CONFLICT ? WARN : FAIL, "database", "%s", e.msg);
		return;
	}
	check_open_database(d, d->db);
}

/* Made at the first start; without it the keys of providers that are stored cannot be read. */
static void check_master_key(struct doctor *d)
{
	char path[PATH_MAX];
	struct err e = {0};

	snprintf(path, sizeof(path), "%s/master.key", d->settings->data);
	int r = auth_vault_open(d->settings, path, &d->vault, &e);
	d->has_vault = r == 0;
	if (r < 0 && r != E_NOT_FOUND)
		say(d, FAIL, "master key", "%s", e.msg);
}

/* ---- providers ---- */

/* Stored ones that are not used as they are: a key that does not open, a name that the settings have. */
static void check_stored(struct doctor *d, const struct configure *c, const struct catalogue *known, struct arena *a)
{
	struct stored_provider_list list = {0};
	struct err e = {0};
	int r = 0;

	if (!d->db)
		return;
	{
		CLEANUP(db_releasep) struct db_conn *conn = db_acquire(d->db);
		r = stored_providers_list(conn, a, &list, &e);
	}
	if (r < 0)
		say(d, FAIL, "providers", "%s", e.msg);
	for (size_t i = 0; i < list.n; i++) {
		const char *refusal = configure_refusal(c, &list.items[i], known, a);

		if (refusal)
			say(d, WARN, list.items[i].name, "%s", refusal);
	}
}

static void check_provider(struct doctor *d, const struct catalogue *all, const struct provider_state *p)
{
	const char *at = p->url && *p->url ? " at " : "", *url = *at ? p->url : "";
	const char *by = p->proxy ? " through the proxy " : "", *proxy = p->proxy ? p->proxy : "";
	size_t n = 0;

	if (strcmp(p->state, "disabled") == 0)
		return;
	for (size_t i = 0; i < all->n_models; i++)
		n += !all->models[i].alias_of && strcmp(all->models[i].provider, p->name) == 0;
	if (strcmp(p->state, "ok") == 0 && n > 0)
		say(d, OK, p->name, "%zu model%s%s%s%s%s", n, n == 1 ? "" : "s", at, url, by, proxy);
	else if (strcmp(p->state, "ok") == 0)
		say(d, WARN, p->name,
			"reachable%s%s%s%s, but it has no models; fetch one (for Ollama: ollama pull llama3.2)", at,
			url, by, proxy);
	else
		say(d, WARN, p->name, "%s%s%s%s", p->error ? p->error : "did not answer in time", *by ? " Asked" : "",
			by, proxy);
}

static void check_providers(struct doctor *d)
{
	CLEANUP(arena_done) struct arena a;
	struct engine g = {0};
	struct catalogue all;
	struct err e = {0};
	struct configure stored = {.settings = d->settings, .db = d->db, .vault = d->has_vault ? &d->vault : NULL};
	int r = engine_start(&g, &stored, &e);

	arena_init(&a, 16 << 20);
	if (r == 0) {
		(void)providers_refresh(g.providers, 5500); /* a refresh takes 5 s at most */
		r = providers_catalogue(g.providers, &a, &all, &e);
	}
	if (r < 0)
		say(d, FAIL, "providers", "%s", e.msg);
	for (size_t i = 0; r == 0 && i < all.n_providers; i++)
		check_provider(d, &all, &all.providers[i]);
	if (r == 0)
		check_stored(d, &stored, &all, &a);
	if (r == 0 && all.n_models == 0)
		say(d, FAIL, "models", "nothing can answer; start Ollama, add a provider, or switch the librarian on");
	engine_stop(&g);
}

/* What is opened when it is first needed; that of PostgreSQL shows where the database is. */
static void check_library(struct doctor *d)
{
	struct err e = {0};

	if (http_client_load(&e) < 0)
		say(d, FAIL, "libraries", "%s Until then only providers at http:// and an address are reached", e.msg);
}

static void check_config(struct doctor *d)
{
	const char *path = settings_open_file(d->settings);

	if (path)
		say(d, WARN, "configuration",
			"others on this machine may read %s, in which keys stand; chmod 600 closes it", path);
	for (struct settings_variable v = {.next = 0}; settings_misspelt(&v);)
		say(d, WARN, "configuration", "the variable %s is no setting, and does nothing; did you mean %s?",
			v.name, v.meant);
}

/* ---- certificate and port ---- */

static void check_certificate(struct doctor *d)
{
	const struct settings *s = d->settings;
	struct tls_state state;
	struct err e = {0};
	char until[25];

	if (!*s->tls_cert && !*s->tls_key)
		return;
	if (tls_new(s->tls_cert, s->tls_key, &d->tls, &e) < 0) {
		say(d, FAIL, "certificate", "%s", e.msg);
		return;
	}
	tls_state(d->tls, &state);
	clock_format(state.expires_ms, until);
	if (state.warning[0])
		say(d, WARN, "certificate", "%s", state.warning);
	else
		say(d, OK, "certificate", "for %s, until %.10s", state.names, until);
}

static void check_port(struct doctor *d)
{
	const char *listen = d->settings->listen;
	struct listeners l = {0};
	struct err e = {0};
	int r = listeners_open(&l, &(struct listen_config){.words = listen, .tls = d->tls, .unix_mode = 0600}, &e);

	if (r == 0)
		say(d, OK, "port", "%s is free", listen);
	else if (r == E_CONFLICT && d->serving)
		say(d, OK, "port", "%s is being served on", listen);
	else
		say(d, FAIL, "port", "%s", e.msg);
	listeners_close(&l);
}

/* ---- the sandbox ---- */

static void check_sandbox(struct doctor *d)
{
	const char *why = sandbox_why(), *lacks = extract_lacks();

	if (why)
		say(d, WARN, "sandbox", "%s", why);
	else
		say(d, OK, "sandbox", "programs run in namespaces of their own");
	if (lacks)
		say(d, WARN, "documents", "%s", lacks);
	else
		say(d, OK, "documents", "all kinds can be read, pictures in %s", extract_ocr_languages());
}

int cmd_doctor(struct cli *c)
{
	struct doctor d = {.settings = &c->settings};
	struct err e = {0};
	CLEANUP(folder_unlock) struct folder_lock lock = {-1, -1};

	if (c->argc > 0)
		return usage_error("doctor takes no words.");
	limits_raise();
	if (check_folder(&d)) {
		d.serving = folder_lock(c->settings.data, &lock, &e) == E_CONFLICT;
		check_database(&d);
		check_master_key(&d);
	}
	check_library(&d);
	check_providers(&d);
	check_certificate(&d);
	check_config(&d);
	check_port(&d);
	check_sandbox(&d);
	tls_free(d.tls);
	db_close(d.db);
	explicit_bzero(&d.vault, sizeof(d.vault));
	return d.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
