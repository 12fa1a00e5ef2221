/*
 * err.h - one way to fail. Functions return a negative int: -errno, or a code of the table below. The cause is
 * recorded once, where it is found, in the `struct err` of the request, turn or command; the first one wins.
 */
#pragma once

#include "base/base.h"

/*
 * The errors table: name, number, HTTP status, code on the wire, retryable, shown, public text.
 * `shown`: the recorded message was written for the person who made the request and is sent to them; otherwise they
 * get the public text alone and the message stays in the log.
 */
#define ERR_TABLE(X)                                                                                                   \
	X(E_INVALID, -5000, 400, "invalid_request", false, true, "The request is not valid.")                          \
	X(E_UNAUTHORIZED, -5001, 401, "unauthorized", false, true, "Sign in first.")                                   \
	X(E_FORBIDDEN, -5002, 403, "forbidden", false, true, "You are not allowed to do this.")                        \
	X(E_CSRF, -5003, 403, "cross_site", false, true, "The request came from another site.")                        \
	X(E_SETUP_REQUIRED, -5004, 403, "setup_required", false, true,                                                 \
		"This Atelier has no administrator yet. Open the setup link that the server printed.")                 \
	X(E_NOT_FOUND, -5005, 404, "not_found", false, true, "There is no such thing, or it is not yours.")            \
	X(E_METHOD, -5006, 405, "method_not_allowed", false, true, "This address does not take that method.")          \
	X(E_CONFLICT, -5007, 409, "conflict", false, true, "This does not fit the present state.")                     \
	X(E_EXPIRED, -5008, 410, "expired", false, true, "This link has expired.")                                     \
	X(E_TOO_LARGE, -5009, 413, "too_large", false, true, "The request is too large.")                              \
	X(E_MEDIA_TYPE, -5010, 415, "unsupported_media_type", false, true,                                             \
		"Send JSON with Content-Type "                                                                         \
		"application/json.")                                                                                   \
	X(E_RATE_LIMITED, -5011, 429, "rate_limited", true, true, "Too many requests. Try again later.")               \
	X(E_HEADERS_TOO_LARGE, -5012, 431, "headers_too_large", false, true, "The request headers are too large.")     \
	X(E_INTERNAL, -5013, 500, "internal", false, false,                                                            \
		"Something went wrong inside Atelier. The log has the "                                                \
		"details under this request id.")                                                                      \
	X(E_PROVIDER, -5014, 502, "provider_error", true, true, "The model provider reported an error.")               \
	X(E_PROVIDER_DOWN, -5015, 502, "provider_unreachable", true, true, "The model provider cannot be reached.")    \
	X(E_PROVIDER_BROKEN, -5016, 502, "provider_broken_stream", true, true,                                         \
		"The model provider ended the answer "                                                                 \
		"in the middle.")                                                                                      \
	X(E_BUSY, -5017, 503, "busy", true, true, "Atelier is busy. Try again in a moment.")                           \
	X(E_STOPPING, -5018, 503, "stopping", true, true, "Atelier is shutting down.")                                 \
	X(E_PROVIDER_TIMEOUT, -5019, 504, "provider_timeout", true, true,                                              \
		"The model provider did not answer in time.")                                                          \
	X(E_STORAGE, -5020, 507, "storage_full", true, false,                                                          \
		"The disk is full or cannot be written. Nothing that "                                                 \
		"was stored is lost.")                                                                                 \
	X(E_CANCELED, -5021, 499, "canceled", false, true, "Stopped.")                                                 \
	X(E_NEWER_DATA, -5022, 500, "newer_data", false, true, "The data folder was made by a newer Atelier.")         \
	X(E_MODEL_UNKNOWN, -5023, 404, "model_not_found", false, true, "No provider offers this model.")               \
	X(E_INTERRUPTED, -5024, 500, "interrupted", true, true, "The server stopped in the middle of this answer.")    \
	X(E_PROVIDER_REFUSED, -5025, 502, "provider_refused", false, true, "The model provider refused the request.")  \
	X(E_MODEL_CANNOT, -5026, 400, "model_cannot", false, true, "The model cannot do what was asked of it.")        \
	X(E_BUDGET, -5027, 402, "budget_exceeded", false, true, "The budget is used up.")                              \
	X(E_LIMIT, -5028, 429, "limit_reached", true, true, "A limit is reached. Try again later.")                    \
	X(E_PROVIDER_REJECTED, -5029, 400, "provider_rejected", false, true,                                           \
		"The model provider does not take this request.")                                                      \
	X(E_PROVIDER_LIMITED, -5030, 429, "provider_limited", true, true,                                              \
		"The model provider takes no more requests now.")                                                      \
	X(E_CONTEXT_TOO_LONG, -5040, 413, "context_too_long", false, true,                                             \
		"The conversation is longer than the model can read at once.")                                         \
	X(E_PROVIDER_BUSY, -5041, 503, "provider_busy", true, true,                                                    \
		"The model provider is busy or starting. Try again in a moment.")                                      \
	X(E_PROVIDER_QUOTA, -5042, 402, "provider_quota", false, true,                                                 \
		"The account at the model provider is used up.")                                                       \
	X(E_REQUEST_TIMEOUT, -5050, 408, "request_timeout", true, true, "The request came too slowly.")                \
	X(E_URI_TOO_LONG, -5051, 414, "uri_too_long", false, true, "The address of the request is too long.")          \
	X(E_RANGE, -5052, 416, "range_not_satisfiable", false, true, "The file has no such part.")                     \
	X(E_EXPECTATION, -5053, 417, "expectation_failed", false, true, "What the request expects is not known here.") \
	X(E_UPGRADE, -5054, 426, "upgrade_required", false, true, "This server speaks HTTP/1.1 here, nothing else.")   \
	X(E_NOT_IMPLEMENTED, -5055, 501, "not_implemented", false, true, "This server does not do that.")              \
	X(E_HTTP_VERSION, -5056, 505, "version_not_supported", false, true, "This server speaks HTTP/1.1.")            \
	X(E_PRECONDITION, -5057, 412, "precondition_failed", false, true, "The request expects another state.")        \
	X(E_LOCKED, -5058, 423, "locked", true, true, "Another request is changing this just now.")                    \
	X(E_CHECKSUM, -5059, 460, "checksum_mismatch", true, true,                                                     \
		"The bytes do not have the checksum that came with them.")                                             \
	X(E_UNSURE, -5060, 500, "outcome_unknown", false, true,                                                        \
		"Whether this was stored is not known. Look before you do it again.")                                  \
	X(E_QUOTA, -5061, 413, "quota_exceeded", false, true,                                                          \
		"The space for this is used up. Delete something, then try again.")                                    \
	X(E_EXISTS, -5062, 409, "already_exists", false, true, "Another one of this name is here already.")

#define X(name, num, ...) name = (num),
enum err_code { ERR_TABLE(X) };
#undef X

struct err {
	int code;         /* 0: none yet */
	const char *file; /* where it was found */
	int line;
	int retry_after_s;    /* 0: not said */
	int64_t asked, limit; /* of E_CONTEXT_TOO_LONG, in tokens; 0: not known */
	char field[96];       /* what of the request is refused, as in "a.b[2]"; "": nothing single, or not known */
	struct {
		char code[48], param[64]; /* "": it said none */
	} theirs;                         /* of E_PROVIDER_REJECTED: what the provider called it */
	char msg[256];
};

struct err_info {
	int code;
	int http_status;
	const char *wire_code;
	bool retryable;
	bool shown;
	const char *text;
};

/* Records `code` and the message unless one is recorded already (`e` may be NULL). Returns `code`. */
int err_set_at(struct err *e, int code, const char *file, int line, const char *fmt, ...) PRINTF(5, 6);
#define err_set(e, code, ...) err_set_at((e), (code), __FILE__, __LINE__, __VA_ARGS__)

/* Refuses one field of a request, or parameter of its address, by its path from the top ("a.b[2]"): the message is the field in
 * quotes and the rest of the sentence. */
int err_field_at(struct err *e, int code, const char *field, const char *file, int line, const char *fmt, ...)
	PRINTF(6, 7);
#define err_field(e, code, field, ...) err_field_at((e), (code), (field), __FILE__, __LINE__, __VA_ARGS__)

/* Records what the system said (a negative errno) about a file or folder, in words that say what to do. A full disk and what
 * cannot be written are E_STORAGE. Returns the code. */
int err_file_at(struct err *e, int negative_errno, const char *path, const char *file, int line);
#define err_file(e, r, path) err_file_at((e), (r), (path), __FILE__, __LINE__)

/* Forgets what is recorded, for a caller that has dealt with it. */
void err_clear(struct err *e);

/* The table's row for a code; -errno maps to the nearest row (ENOSPC, EROFS, EDQUOT, EFBIG: storage;
 * ECANCELED: canceled; ENOMEM: busy; else internal). Never NULL. */
const struct err_info *err_info(int code);

/* All rows, for documentation and tests. */
const struct err_info *err_table(size_t *ret_n);

/* What the person may read: the message when its row is shown and one was recorded, else the row's public text; that there was
 * no memory is for the log alone. */
const char *err_public_text(const struct err *e);
