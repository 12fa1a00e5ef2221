/*
 * cli_send.c - a file to a running server: in one request, or in parts. Parts go by the protocol of resumable uploads
 * (tus): the server says how much is there, and so a break costs one part at most.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "cli_talk.h"

#define FILE_MAX 3500000 /* bytes that fit into one request */
#define PART     ((int64_t)4 << 20)
#define AWAY_MS  60000 /* a server that is away for longer is not waited for */
#define BOUNDARY "atelier-9b1f0c6e54d24d7a"

/* Adds what stands there. It is a failure when the file has become shorter. */
static int read_at(struct talk *t, const struct file *f, int64_t at, int64_t size, struct buf *to)
{
	char *p = buf_reserve(to, (size_t)size + 1);
	int64_t n = 0;

	while (p && n < size) {
		ssize_t got = pread(f->fd, p + n, (size_t)(size - n), at + n);
		if (got < 0)
			return err_set(&t->e, E_INVALID, "%s", strerror(errno));
		if (got == 0)
			return err_set(&t->e, E_INVALID, "It became shorter while it was read.");
		n += got;
	}
	to->n += p ? (size_t)n : 0;
	return p ? 0 : err_set(&t->e, -ENOMEM, "no memory for a file");
}

int file_hash(struct talk *t, const struct file *f, char ret[65])
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	int r = 0;

	crypto_hash_sha256_init(&state);
	for (int64_t at = 0; r == 0 && at < f->size; at += PART) {
		CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)PART + 1);
		r = read_at(t, f, at, MIN(f->size - at, PART), &b);
		crypto_hash_sha256_update(&state, (const unsigned char *)buf_str(&b).p, b.n);
	}
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(ret, 65, hash, sizeof(hash));
	return r;
}

/* ---- in one request ---- */

static int send_whole(struct talk *t, const char *collection, const struct file *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(FILE_MAX + 8192);

	if (f->replaces)
		buf_printf(&b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"replaces\"\r\n\r\n%s\r\n",
			f->replaces);
	buf_printf(&b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n",
		f->name);
	int r = read_at(t, f, 0, f->size, &b);
	buf_add_str(&b, "\r\n--" BOUNDARY "--\r\n");
	const char *path = arena_printf(&t->a, "/collections/%s/documents", collection);
	if (r < 0)
		return r;
	return buf_status(&b) < 0 || !path
		       ? err_set(&t->e, -ENOMEM, "no memory for a file")
		       : talk_fetch(t, "POST", path, "multipart/form-data; boundary=" BOUNDARY, buf_str(&b), NULL);
}

/* ---- in parts ---- */

/* What the server says of an upload. */
struct upload {
	char id[64];
	int64_t offset;
	int status; /* of the last request; 0: there was no answer */
};

static bool header_is(const char *line, size_t n, const char *name, char *ret, size_t size)
{
	size_t k = strlen(name);

	if (n <= k || strncasecmp(line, name, k) != 0)
		return false;
	while (k < n && line[k] == ' ')
		k++;
	while (n > k && (line[n - 1] == '\r' || line[n - 1] == '\n'))
		n--;
	snprintf(ret, size, "%.*s", (int)(n - k), line + k);
	return true;
}

/* Loop. */
static void on_upload_header(void *arg, const char *line, size_t n)
{
	struct upload *u = arg;
	char value[1024];

	if (header_is(line, n, "Upload-Offset:", value, sizeof(value)))
		u->offset = strtoll(value, NULL, 10);
	else if (header_is(line, n, "Location:", value, sizeof(value)))
		snprintf(u->id, sizeof(u->id), "%.63s", strrchr(value, '/') ? strrchr(value, '/') + 1 : value);
}

/* Loop. What is answered beside the head says nothing more. */
static int on_upload_data(void *arg UNUSED, const char *p UNUSED, size_t n UNUSED)
{
	return 0;
}

static int ask_upload(struct talk *t, struct upload *u, const char *method, const char *said, struct str body)
{
	const char *headers[] = {
		t->authorization, "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", said, NULL};
	const char *path = arena_printf(&t->a, "/uploads%s%s", *u->id ? "/" : "", u->id);
	struct http_result res = {.status = 0};

	if (!path)
		return err_set(&t->e, -ENOMEM, "no memory for a call");
	struct http_call call = talk_call(t, method, path, headers, body);
	if (!call.url)
		return err_set(&t->e, -ENOMEM, "no memory for a call");
	call.on_header = on_upload_header;
	call.on_data = on_upload_data;
	call.arg = u;
	int r = http_client_run(t->engine.http, &call, &t->cancel, &res, &t->e);
	while (r == 0 && talk_wait(&res)) {
		buf_done(&res.error_body);
		r = http_client_run(t->engine.http, &call, &t->cancel, &res, &t->e);
	}
	u->status = res.status;
	if (r == 0 && (res.status < 200 || res.status > 299))
		r = talk_refused(t, &res);
	buf_done(&res.error_body);
	return r;
}

/* Whether it may be gone on with: the server was not there, or has other bytes than was believed. */
static bool is_passing(const struct upload *u)
{
	return u->status == 0 || u->status == 409 || u->status == 423 || u->status >= 500;
}

/* What can be asked once more, until the server says something to that. */
static int ask_again(struct talk *t, struct upload *u, const char *method, const char *said)
{
	int64_t until = clock_mono_ms() + AWAY_MS;
	int r = ask_upload(t, u, method, said, (struct str){"", 0});

	while (r < 0 && is_passing(u) && clock_mono_ms() < until) {
		nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
		err_clear(&t->e);
		r = ask_upload(t, u, method, said, (struct str){"", 0});
	}
	return r;
}

static int upload(struct talk *t, const struct file *f, struct upload *u)
{
	char said[64];
	int r;

	snprintf(said, sizeof(said), "Upload-Length: %lld", (long long)f->size);
	r = ask_again(t, u, "POST", said);
	while (r == 0 && u->offset < f->size) {
		CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)PART + 1);
		r = read_at(t, f, u->offset, MIN(f->size - u->offset, PART), &b);
		if (r < 0)
			return r;
		snprintf(said, sizeof(said), "Upload-Offset: %lld", (long long)u->offset);
		r = ask_upload(t, u, "PATCH", said, buf_str(&b));
		if (r < 0 && is_passing(u)) {
			err_clear(&t->e);
			r = ask_again(t, u, "HEAD", NULL); /* where to go on */
		}
	}
	return r;
}

static int send_in_parts(struct talk *t, const char *collection, const struct file *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	struct upload u = {.offset = 0};
	int r = upload(t, f, &u);

	buf_printf(&b, "{\"upload_id\":\"%s\",\"name\":", u.id);
	json_add_cstr(&b, f->name);
	if (f->replaces)
		buf_printf(&b, ",\"replaces\":\"%s\"", f->replaces);
	buf_add_char(&b, '}');
	const char *path = arena_printf(&t->a, "/collections/%s/documents", collection);
	if (r < 0)
		return r;
	return path ? talk_fetch(t, "POST", path, "application/json", buf_str(&b), NULL)
		    : err_set(&t->e, -ENOMEM, "no memory for a file");
}

int file_send(struct talk *t, const char *collection, const struct file *f)
{
	ASSERT(f->name && f->fd >= 0);
	/* A form has no way to write these in a name that all servers read alike. */
	return f->size > FILE_MAX || strpbrk(f->name, "\"\\%") ? send_in_parts(t, collection, f)
							       : send_whole(t, collection, f);
}
