/* uploads_priv.h - the files of uploads, as the file with their rows uses them. */
#pragma once

#include "base/err.h"
#include "base/id.h"

#define UPLOAD_NAME_LEN (ID_LEN + 6) /* "ID.part" and its end */

int upload_make(const char *data, atelier_id id, struct err *e) MUST_CHECK;
void upload_remove(const char *data, atelier_id id);
bool upload_is_there(const char *data, atelier_id id);

/* Calls fn for the id of each file until it returns other than 0, which is returned then. */
int upload_each(const char *data, int (*fn)(void *arg, atelier_id id), void *arg) MUST_CHECK;
