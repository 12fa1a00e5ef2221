/*
 * workspace.c - a path is given to the kernel with the folder that it must stay beneath, and no link is followed: there is no
 * looking first and opening then, between which somebody could change something. What is left in it is listed only as regular
 * files, to a depth and a number, and the same files before and after tell what a program has made. The tools for it stand at the
 * end.
 */
#include "tool/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "store/conversations.h"
#include "tool/tool_priv.h"

#define DEPTH_MAX 6
#define TEXT_MAX  ((size_t)1 << 20)

/* Beneath the folder, through no link, into no other file system; never waits for a FIFO. */
static int open_beneath(int fd, const char *path, int flags, mode_t mode)
{
	const struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	long r = syscall(SYS_openat2, fd, path, &how, sizeof(how));

	return r < 0 ? -errno : (int)r;
}

int workspace_open(const char *data, atelier_id conversation_id, int *ret_fd, struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
	CLEANUP(closep) int all = -1;
	char id[ID_LEN + 1];

	ASSERT(conversation_id); /* 0 is of no conversation, and so would be one folder of all */
	id_format(conversation_id, id);
	buf_printf(&path, "%s/workspaces", data);
	if (buf_status(&path) < 0)
		return err_set(e, E_INTERNAL, "The path of the data folder is too long.");
	if (mkdir(path.p, 0700) < 0 && errno != EEXIST)
		return err_file(e, -errno, path.p);
	all = open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (all < 0 || (mkdirat(all, id, 0700) < 0 && errno != EEXIST))
		return err_file(e, -errno, path.p);
	*ret_fd = openat(all, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? err_file(e, -errno, path.p) : 0;
}

/* ---- lists ---- */

struct walk {
	struct arena *a;
	const struct workspace_list *before; /* NULL: what was there is listed, too */
	struct workspace_list *ret;
};

const struct workspace_file *workspace_find(const struct workspace_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i].name, name) == 0)
			return &l->items[i];
	return NULL;
}

static int add_file(struct walk *w, const char *path, const struct stat *st)
{
	const struct workspace_file *was = w->before ? workspace_find(w->before, path) : NULL;
	struct workspace_file f = {.n = (size_t)st->st_size,
		.changed_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000};

	w->ret->bytes += f.n;
	if (was && was->n == f.n && was->changed_ms == f.changed_ms)
		return 0;
	if (w->ret->n == WORKSPACE_FILES_MAX) {
		w->ret->more = true;
		return 0;
	}
	f.name = arena_strdup(w->a, path);
	if (!f.name)
		return -ENOMEM;
	ASSERT(w->ret->n < WORKSPACE_FILES_MAX);
	w->ret->items[w->ret->n++] = f;
	return 0;
}

static int walk(struct walk *w, int fd, const char *prefix, int depth)
{
	DIR *dir = fdopendir(fd);
	int r = 0;

	if (!dir) {
		close(fd);
		return -errno;
	}
	for (const struct dirent *d; r == 0 && (d = readdir(dir));) {
		struct stat st;
		const char *path = arena_printf(w->a, "%s%s", prefix, d->d_name);
		if (d->d_name[0] == '.' || !path || fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			r = add_file(w, path, &st);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			int sub = open_beneath(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY, 0);
			const char *next = arena_printf(w->a, "%s/", path);
			if (sub >= 0 && next)
				r = walk(w, sub, next, depth + 1);
			else if (sub >= 0)
				close(sub);
		}
	}
	closedir(dir);
	return r;
}

int workspace_list_new(
	int fd, const struct workspace_list *before, struct arena *a, struct workspace_list *ret, struct err *e)
{
	struct walk w = {a, before, ret};
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	*ret = (struct workspace_list){.items = ARENA_ARRAY(a, struct workspace_file, WORKSPACE_FILES_MAX)};
	if (own < 0 || !ret->items) {
		closep(&own);
		return err_set(e, -ENOMEM, "The files cannot be listed.");
	}
	r = walk(&w, own, "", 0);
	return r < 0 ? err_set(e, r, "The files cannot be listed.") : 0;
}

int workspace_list(int fd, struct arena *a, struct workspace_list *ret, struct err *e)
{
	return workspace_list_new(fd, NULL, a, ret, e);
}

/* ---- one file ---- */

static int say(int r, const char *path, struct err *e)
{
	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(e, E_NOT_FOUND, "There is no file %.100s.", path);
	if (r == -ENOSPC || r == -EDQUOT || r == -EROFS)
		return err_file(e, r, path);
	return err_set(e, E_INVALID, "%.100s is no file of this folder.", path);
}

int workspace_read(int fd, const char *path, struct buf *ret, struct err *e)
{
	CLEANUP(closep) int file = open_beneath(fd, path, O_RDONLY, 0);
	struct stat st;

	if (file < 0)
		return say(file, path, e);
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		return say(-EISDIR, path, e);
	for (;;) {
		char *to = buf_reserve(ret, 65536);
		if (!to)
			return buf_check(ret, e, "The file is too large to be read.");
		ssize_t n = read(file, to, 65536);
		if (n < 0 && errno != EINTR)
			return say(-errno, path, e);
		if (n == 0)
			return 0;
		ret->n += n > 0 ? (size_t)n : 0;
	}
}

static int make_folders(int fd, const char *path)
{
	char part[1024];

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		CLEANUP(closep) int parent = -1;
		size_t n = (size_t)(p - path);
		if (n >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, n);
		part[n] = '\0';
		parent = open_beneath(fd, part, O_RDONLY | O_DIRECTORY, 0);
		if (parent >= 0)
			continue;
		char *name = strrchr(part, '/');
		int above = fd;
		CLEANUP(closep) int opened = -1;
		if (name) {
			*name++ = '\0';
			above = opened = open_beneath(fd, part, O_RDONLY | O_DIRECTORY, 0);
		}
		if (above < 0 || mkdirat(above, name ? name : part, 0700) < 0)
			return above < 0 ? above : -errno;
	}
	return 0;
}

int workspace_write(int fd, const char *path, const void *p, size_t n, struct err *e)
{
	CLEANUP(closep) int file = -1;
	struct stat st;
	int r = *path == '/' ? -EXDEV : make_folders(fd, path);

	if (r == 0)
		r = file = open_beneath(fd, path, O_WRONLY | O_CREAT, 0600);
	if (r < 0)
		return say(r == -ENOENT ? -EINVAL : r, path, e);
	if (fstat(file, &st) < 0 || !S_ISREG(st.st_mode) || ftruncate(file, 0) < 0)
		return say(-EISDIR, path, e);
	for (size_t at = 0; at < n;) {
		ssize_t k = write(file, (const char *)p + at, n - at);
		if (k < 0 && errno != EINTR)
			return err_file(e, -errno, path);
		at += k > 0 ? (size_t)k : 0;
	}
	return 0;
}

const char *workspace_media_type(const char *name)
{
	static const char *const types[][2] = {{".png", "image/png"}, {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
		{".gif", "image/gif"}, {".webp", "image/webp"}, {".svg", "image/svg+xml"}, {".csv", "text/csv"},
		{".json", "application/json"}, {".txt", "text/plain"}, {".md", "text/markdown"},
		{".pdf", "application/pdf"}, {".html", "text/html"}};
	size_t n = strlen(name);

	for (size_t i = 0; i < N_ELEMENTS(types); i++) {
		size_t k = strlen(types[i][0]);
		if (n > k && strcasecmp(name + n - k, types[i][0]) == 0)
			return types[i][1];
	}
	return "application/octet-stream";
}

/* ---- folders of what is gone ---- */

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

void workspace_delete(const char *data, atelier_id conversation_id)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
	char id[ID_LEN + 1];

	ASSERT(conversation_id);
	id_format(conversation_id, id);
	buf_printf(&path, "%s/workspaces/%s", data, id);
	if (buf_status(&path) == 0)
		(void)nftw(path.p, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int workspaces_delete_unused(struct db *db, const char *data, int64_t *ret_n, struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
	DIR *dir;
	int r = 0;

	*ret_n = 0;
	buf_printf(&path, "%s/workspaces", data);
	dir = buf_status(&path) < 0 ? NULL : opendir(path.p);
	for (const struct dirent *d; dir && r == 0 && (d = readdir(dir));) {
		bool there = true;
		atelier_id id;
		if (!id_parse(d->d_name, strlen(d->d_name), &id))
			continue;
		r = conversations_has(db, id, &there, e);
		if (r == 0 && !there) {
			workspace_delete(data, id);
			++*ret_n;
		}
	}
	if (dir)
		closedir(dir);
	return r;
}

/* ---- the tools ---- */

static int open_of(struct builtin_call *c, int *ret, struct err *e)
{
	if (!c->run->conversation_id)
		return tool_fail(c->ret, "There is no folder here: this chat is not kept."), 1;
	return workspace_open(c->tools->config.folder, c->run->conversation_id, ret, e);
}

static int failed(struct builtin_call *c, int r, const struct err *why, struct err *e)
{
	if (r == E_NOT_FOUND || r == E_INVALID || r == E_TOO_LARGE || r == E_QUOTA)
		return tool_fail(c->ret, "%s", why->msg);
	return err_set(e, r, "%s", why->msg);
}

int list_files_call(struct builtin_call *c, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	struct workspace_list l = {.n = 0};
	int r = open_of(c, &fd, e);

	if (r == 0)
		r = workspace_list(fd, c->mem, &l, e);
	if (r != 0)
		return MIN(r, 0);
	c->ret->text = BUF_INIT(TOOL_TEXT_MAX);
	if (l.n == 0)
		buf_add_str(&c->ret->text, "There are no files.");
	for (size_t i = 0; i < l.n; i++)
		buf_printf(&c->ret->text, "%s (%zu bytes)\n", l.items[i].name, l.items[i].n);
	return 0;
}

int read_file_call(struct builtin_call *c, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	const char *path = json_get_str(c->arguments, "path");
	struct err why = {0};
	int r = open_of(c, &fd, e);

	if (r != 0)
		return MIN(r, 0);
	c->ret->text = BUF_INIT(TEXT_MAX * 4);
	r = workspace_read(fd, path ? path : "", &c->ret->text, &why);
	if (r < 0)
		return failed(c, r, &why, e);
	return memchr(c->ret->text.p ? c->ret->text.p : "", '\0', c->ret->text.n)
		       ? tool_fail(c->ret, "%.100s is no text.", path)
		       : 0;
}

static int give_file(struct builtin_call *c, const char *path, const char *content, size_t n, struct err *e)
{
	struct tool_file *f = ARENA_NEW(c->mem, struct tool_file);
	const char *name = arena_strdup(c->mem, path), *data = arena_strndup(c->mem, content ? content : "", n);

	if (!f || !name || !data)
		return err_set(e, -ENOMEM, "There is no memory for a file.");
	*f = (struct tool_file){.name = name, .media_type = workspace_media_type(name), .data = data, .n = n};
	c->ret->files = f;
	c->ret->n_files = 1;
	return 0;
}

int write_file_call(struct builtin_call *c, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	const char *path = json_get_str(c->arguments, "path"), *content = json_get_str(c->arguments, "content");
	struct workspace_list l = {.n = 0};
	struct err why = {0};
	size_t n = content ? strlen(content) : 0;
	int r = open_of(c, &fd, e);

	if (r == 0)
		r = workspace_list(fd, c->mem, &l, e);
	if (r != 0)
		return MIN(r, 0);
	if (l.bytes + n > WORKSPACE_MAX || l.n >= WORKSPACE_FILES_MAX)
		return tool_fail(c->ret, "The folder is full.");
	r = workspace_write(fd, path ? path : "", content, n, &why);
	if (r < 0)
		return failed(c, r, &why, e);
	c->ret->text = BUF_INIT(2048);
	buf_printf(&c->ret->text, "%.200s is written (%zu bytes), and shown to the user.", path, n);
	return give_file(c, path ? path : "", content, n, e);
}
