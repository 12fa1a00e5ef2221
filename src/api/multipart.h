/* multipart.h - the file of a form (RFC 7578): of multipart/form-data, the one part that has a file name; several are refused. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct multipart_file {
	const char *name;                 /* as the client calls it, perhaps with folders; in the arena */
	struct str bytes;                 /* of the body */
	struct str replaces, on_conflict; /* the fields of these names, before it or after; n 0: there is none */
};

/* `type`: the header Content-Type. E_INVALID: it is none, or has no file. */
int multipart_read(
	const char *type, struct str body, struct arena *a, struct multipart_file *ret, struct err *e) MUST_CHECK;
