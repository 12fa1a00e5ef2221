/* err.c - the errors table, and the record of the first cause. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

#define X(name, num, status, wire, retry, is_shown, public_text)                                                       \
	{.code = (name),                                                                                               \
		.http_status = (status),                                                                               \
		.wire_code = (wire),                                                                                   \
		.retryable = (retry),                                                                                  \
		.shown = (is_shown),                                                                                   \
		.text = public_text},
static const struct err_info table[] = {ERR_TABLE(X)};
#undef X

#define X(name, num, status, ...)                                                                                      \
	_Static_assert((num) <= -5000 && (num) > INT16_MIN, #name " is no errno");                                     \
	_Static_assert((status) >= 400 && (status) < 600, #name " is told as a failure");
ERR_TABLE(X)
#undef X

int err_set_at(struct err *e, int code, const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!e || e->code != 0)
		return code;
	e->code = code;
	e->file = file;
	e->line = line;
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		e->msg[0] = '\0';
	else if ((size_t)n >= sizeof(e->msg))
		/* What did not fit may have cut a character in two. */
		e->msg[utf8_whole(e->msg, sizeof(e->msg) - 1)] = '\0';
	return code;
}

int err_field_at(struct err *e, int code, const char *field, const char *file, int line, const char *fmt, ...)
{
	char rest[sizeof(e->msg)];
	va_list ap;

	if (!e || e->code != 0)
		return code;
	va_start(ap, fmt);
	vsnprintf(rest, sizeof(rest), fmt, ap);
	va_end(ap);
	snprintf(e->field, sizeof(e->field), "%s", field);
	return err_set_at(e, code, file, line, "\"%s\" %s", field, rest);
}

void err_clear(struct err *e)
{
	if (e)
		*e = (struct err){0};
}

static int nearest_code(int code)
{
	switch (code) {
	case -ENOSPC:
	case -EROFS:
	case -EDQUOT:
	case -EFBIG:
		return E_STORAGE;
	case -ECANCELED:
		return E_CANCELED;
	case -ENOMEM:
		return E_BUSY;
	default:
		return code;
	}
}

const struct err_info *err_info(int code)
{
	const struct err_info *internal = &table[0];

	code = nearest_code(code);
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		if (table[i].code == code)
			return &table[i];
		if (table[i].code == E_INTERNAL)
			internal = &table[i];
	}
	return internal;
}

const struct err_info *err_table(size_t *ret_n)
{
	*ret_n = N_ELEMENTS(table);
	return table;
}

const char *err_public_text(const struct err *e)
{
	const struct err_info *info = err_info(e ? e->code : E_INTERNAL);

	return e && info->shown && e->code != -ENOMEM && e->msg[0] ? e->msg : info->text;
}

int err_file_at(struct err *e, int r, const char *path, const char *file, int line)
{
	switch (-r) {
	case ENOSPC:
		return err_set_at(e, E_STORAGE, file, line,
			"The disk is full: %.150s cannot be written. Make room; nothing that was stored is lost.",
			path);
	case EDQUOT:
		return err_set_at(e, E_STORAGE, file, line,
			"The disk quota is used up: %.150s cannot be written. Nothing that was stored is lost.", path);
	case EFBIG:
		return err_set_at(e, E_STORAGE, file, line,
			"%.150s would grow larger than this program may make a file (ulimit -f, LimitFSIZE).", path);
	case EROFS:
		return err_set_at(e, E_STORAGE, file, line, "The file system of %.150s is read-only.", path);
	case EACCES:
	case EPERM:
		return err_set_at(
			e, E_STORAGE, file, line, "%.150s may not be used by this user: %s.", path, strerror(-r));
	case EIO:
		return err_set_at(e, E_STORAGE, file, line, "The disk reported an error at %.150s.", path);
	case EMFILE:
	case ENFILE:
		return err_set_at(e, E_STORAGE, file, line,
			"%.150s cannot be opened: too many files are open (ulimit -n).", path);
	case ELOOP:
		return err_set_at(e, E_STORAGE, file, line,
			"%.150s is a symbolic link; none is followed in the data folder.", path);
	case ENOENT:
		return err_set_at(e, E_STORAGE, file, line, "%.150s is not there.", path);
	default:
		return err_set_at(e, r, file, line, "%.150s: %s.", path, strerror(-r));
	}
}
