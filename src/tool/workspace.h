/*
 * workspace.h - the files of a conversation: a folder under the data, which tools read and write and which Python is given. Every
 * path is opened beneath it by the kernel (openat2), without links, so that what a program has left there leads nowhere else.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "db/db.h"

#define WORKSPACE_FILE_MAX  ((size_t)20 << 20)  /* bytes of a file, */
#define WORKSPACE_MAX       ((size_t)100 << 20) /* of all of them, */
#define WORKSPACE_FILES_MAX 200                 /* and how many */

/* The folder, made when it is not there; the caller closes it. */
int workspace_open(const char *data, atelier_id conversation_id, int *ret_fd, struct err *e) MUST_CHECK;

struct workspace_file {
	const char *name; /* its path within */
	size_t n;
	int64_t changed_ms;
};
struct workspace_list {
	struct workspace_file *items;
	size_t n, bytes;
	bool more; /* there are, which are not in it */
};
int workspace_list(int fd, struct arena *a, struct workspace_list *ret, struct err *e) MUST_CHECK;
/* What is new or has changed since `before`, so that what was there takes no place in the list. */
int workspace_list_new(int fd, const struct workspace_list *before, struct arena *a, struct workspace_list *ret,
	struct err *e) MUST_CHECK;
const struct workspace_file *workspace_find(const struct workspace_list *l, const char *name);

/* E_NOT_FOUND, E_INVALID (no regular file within), E_TOO_LARGE: with sentences for models. */
int workspace_read(int fd, const char *path, struct buf *ret, struct err *e) MUST_CHECK;
/* Of a file, by its name. */
const char *workspace_media_type(const char *name);

/* The folder with all that is in it; one that is not there is fine. */
void workspace_delete(const char *data, atelier_id conversation_id);
/* Those of conversations that are gone for good; says how many. */
int workspaces_delete_unused(struct db *db, const char *data, int64_t *ret_n, struct err *e) MUST_CHECK;

/* Folders on the way are made. */
int workspace_write(int fd, const char *path, const void *p, size_t n, struct err *e) MUST_CHECK;
