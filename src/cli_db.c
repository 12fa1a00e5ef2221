/* cli_db.c - `atelier db`: moving everything to another database, and back to the one of before a migration. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "program.h"
#include "store/copy.h"

/* ---- copy ---- */

/* A folder stands for the file in it. */
static char *place_of(const char *word)
{
	struct buf b = BUF_INIT(8192);
	struct stat st;

	if (strncmp(word, "sqlite:", 7) == 0)
		word += 7;
	buf_printf(
		&b, "%s%s", word, !db_is_url(word) && stat(word, &st) == 0 && S_ISDIR(st.st_mode) ? "/atelier.db" : "");
	char *path = buf_take(&b), *whole;
	if (!path)
		abort();
	whole = db_is_url(path) ? NULL : realpath(path, NULL); /* wherever it is called from, a copy goes on */
	if (!whole)
		return path;
	free(path);
	return whole;
}

/* Where there is nothing yet, a path is that of a data folder; a file's has its scheme before it, or its end behind it. */
static int make_target(const char *word, struct err *e)
{
	size_t n = strlen(word);
	bool file = strncmp(word, "sqlite:", 7) == 0 || (n > 3 && strcmp(word + n - 3, ".db") == 0);

	return file || db_is_url(word) || access(word, F_OK) == 0 ? 0 : folder_make(word, e);
}

struct shown {
	const char *table;
	int64_t at_ms;
	bool terminal;
};

/* A line for each table, which counts up where somebody looks. */
static void show(void *arg, const char *table, int64_t rows, bool compared)
{
	struct shown *s = arg;
	bool next = s->table != table;

	if (!next && !(s->terminal && clock_mono_ms() - s->at_ms > 200))
		return;
	printf("%s%s %s: %lld rows", next && s->table && !s->terminal ? "" : "\r", compared ? "compared" : "copying",
		table, (long long)rows);
	fputs(s->terminal && !compared ? "        " : "\n", stdout);
	fflush(stdout);
	s->table = table;
	s->at_ms = clock_mono_ms();
}

static int open_one(const char *path, bool source, struct db **ret, struct err *e)
{
	const struct db_config how = {.readers = 1, .exclusive = true, .as_it_is = source};

	/* Without a node: it is no server, and on SQLite it is the only program. */
	if (source && !db_is_url(path) && access(path, F_OK) < 0)
		return err_file(e, -errno, path);
	int r = database_connect_to(path, &how, ret, e);
	if (r == 0)
		report_lost(*ret);
	return r;
}

static int copy(const struct cli *c, struct err *e)
{
	CLEANUP(freep) char *own = database_path(&c->settings);
	CLEANUP(freep) char *from_path = place_of(c->from ? c->from : own);
	CLEANUP(freep) char *to_path = NULL;
	CLEANUP(db_closep) struct db *from = NULL, *to = NULL;
	struct shown s = {.terminal = isatty(STDOUT_FILENO)};
	int r = open_one(from_path, true, &from, e);

	ASSERT(c->to);
	if (r == 0)
		r = make_target(c->to, e);
	if (r < 0)
		return r;
	to_path = place_of(c->to);
	if (strcmp(from_path, to_path) == 0)
		return err_set(e, E_INVALID, "--from and --to are the same database.");
	r = open_one(to_path, false, &to, e);
	if (r == 0)
		r = copy_all(from, to, show, &s, e);
	s.table = NULL;
	if (r == 0)
		r = copy_compare(from, to, show, &s, e);
	if (r < 0)
		return r;
	printf("\rAll of %s is in %s now, and was compared row by row. Uploads, master.key and the journal stay in the "
	       "data "
	       "folder: keep it, and set database there.\n",
		db_place(from), db_place(to));
	return 0;
}

/* ---- rollback ---- */

/* The newest copy that a migration has left beside the file. */
static int find_kept(const char *folder, char ret[NAME_MAX + 1], struct err *e)
{
	static const char begins[] = "atelier.db.before-v";
	DIR *d = opendir(folder);
	struct dirent *entry;
	long best = -1;

	if (!d)
		return err_file(e, -errno, folder);
	while ((entry = readdir(d)) != NULL) {
		char *end;
		long v;

		if (strncmp(entry->d_name, begins, sizeof(begins) - 1) != 0)
			continue;
		v = strtol(entry->d_name + sizeof(begins) - 1, &end, 10);
		if (*end || v <= best)
			continue;
		best = v;
		snprintf(ret, NAME_MAX + 1, "%s", entry->d_name);
	}
	closedir(d);
	return best < 0 ? err_set(e, E_NOT_FOUND,
				  "%s has no atelier.db.before-v..., which a migration leaves: there is nothing to go "
				  "back to.",
				  folder)
			: 0;
}

static int rename_in(const char *folder, const char *from, const char *to, struct err *e)
{
	char a[PATH_MAX], b[PATH_MAX];

	snprintf(a, sizeof(a), "%.3000s/%s", folder, from);
	snprintf(b, sizeof(b), "%.3000s/%s", folder, to);
	if (access(b, F_OK) == 0)
		return err_set(e, E_CONFLICT, "%s is there already; move it away first.", b);
	return rename(a, b) < 0 && errno != ENOENT ? err_file(e, -errno, a) : 0;
}

/* The file of now is kept, with its log, under another name. */
static int swap_files(const char *folder, const char *kept, struct err *e)
{
	int r = rename_in(folder, "atelier.db", "atelier.db.undone", e);

	ASSERT(*kept); /* else the folder would be moved to where its file was */
	if (r == 0)
		r = rename_in(folder, "atelier.db-wal", "atelier.db.undone-wal", e);
	if (r == 0)
		r = rename_in(folder, "atelier.db-shm", "atelier.db.undone-shm", e);
	return r < 0 ? r : rename_in(folder, kept, "atelier.db", e);
}

static int rollback(const struct settings *s, struct err *e)
{
	struct folder_lock lock = {-1, -1};
	char kept[NAME_MAX + 1] = "";
	int r;

	if (!database_is_file(s))
		return err_set(e, E_INVALID,
			"On PostgreSQL a migration leaves no copy: put one of pg_dump back (pg_restore --clean "
			"--if-exists).");
	r = folder_lock(s->data, &lock, e); /* no server works in it */
	if (r == 0)
		r = find_kept(s->data, kept, e);
	if (r == 0)
		r = swap_files(s->data, kept, e);
	folder_unlock(&lock);
	if (r < 0)
		return r;
	printf("%s is atelier.db again. What was stored since the migration is in atelier.db.undone. Start the Atelier "
	       "of "
	       "before: this one would migrate again.\n",
		kept);
	return 0;
}

int cmd_db(struct cli *c)
{
	const char *word = c->argc == 1 ? c->argv[0] : "";
	struct err e = {0};
	int r;

	if (strcmp(word, "copy") == 0 && c->to)
		r = copy(c, &e);
	else if (strcmp(word, "rollback") == 0 && !c->to && !c->from)
		r = rollback(&c->settings, &e);
	else
		return usage_error("It goes: atelier db copy --from URL --to URL, or atelier db rollback.");
	return r < 0 ? report(&e) : EXIT_SUCCESS;
}
