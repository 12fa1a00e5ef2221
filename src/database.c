/* database.c - which database the settings mean, and which of the processes that share it this one is. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/id.h"
#include "program.h"
#include "store/store.h"

bool database_is_file(const struct settings *s)
{
	return !*s->database;
}

char *database_path(const struct settings *s)
{
	struct buf b = BUF_INIT(8192);

	if (database_is_file(s))
		buf_printf(&b, "%s/atelier.db", s->data);
	else
		buf_add_str(&b, s->database);
	char *path = buf_take(&b);
	if (!path)
		abort();
	return path;
}

int database_check(const struct settings *s, struct err *e)
{
	return database_is_file(s) ? folder_check(s->data, e) : 0;
}

static int node_write(const char *path, atelier_id node, struct err *e)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[ID_LEN + 2];

	if (fd < 0)
		return err_file(e, -errno, path);
	id_format(node, text);
	text[ID_LEN] = '\n';
	errno = ENOSPC; /* a short write sets none */
	if (write(fd, text, ID_LEN + 1) != ID_LEN + 1 || fsync(fd) < 0) {
		int r = err_file(e, -errno, path);

		unlink(path);
		return r;
	}
	return 0;
}

/* It belongs to the data folder, for the journal there has the answers of this process alone. */
static int node_of(const char *folder, int64_t *ret, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	char path[PATH_MAX], text[ID_LEN + 1] = "";
	atelier_id node = 0;

	snprintf(path, sizeof(path), "%.4000s/node", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		node = id_new();
		*ret = node;
		return node_write(path, node, e);
	}
	if (fd < 0)
		return err_file(e, -errno, path);
	if (read(fd, text, ID_LEN) != ID_LEN || !id_parse(text, ID_LEN, &node))
		return err_set(e, E_INVALID, "%s does not say which process this is. Put it back from a backup.", path);
	*ret = node;
	return 0;
}

int database_connect_to(const char *path, const struct db_config *how, struct db **ret, struct err *e)
{
	struct db_config config = *how;
	size_t n;
	const struct db_migration *migrations = store_migrations(&n);

	ASSERT(n > 0);
	config.path = path;
	config.table = STORE_TABLE;
	return db_open(&config, migrations, n, ret, e);
}

int database_connect(const struct settings *s, const struct db_config *how, struct db **ret, struct err *e)
{
	CLEANUP(freep) char *path = database_path(s);
	struct db_config config = *how;

	ASSERT(!how->path && !how->table && !how->node); /* these are filled in */
	int r = how->exclusive && !database_is_file(s) ? node_of(s->data, &config.node, e) : 0;

	return r < 0 ? r : database_connect_to(path, &config, ret, e);
}
