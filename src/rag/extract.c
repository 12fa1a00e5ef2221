/* extract.c - the process that reads a file: how it is started, and what its end means. */
#include "rag/extract.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "rag/extract_priv.h"
#include "sys/sandbox.h"
#include "sys/thread.h"

#define MEMORY_MAX    ((size_t)512 << 20)
#define OCR_MEMORY    ((size_t)1 << 30)
#define OWN_CPU_S     180
#define WALL_MS       INT64_C(900000)
#define OCR_WALL_MS   INT64_C(14400000) /* a thousand pages at 15 s */
#define PICTURE_MAX   ((size_t)32 << 20)
#define PAGE_TEXT_MAX ((size_t)10 << 20)
#define WORDS         8

static struct sandbox_image reader;

void extract_reader(struct sandbox_image r)
{
	reader = r;
}

static int take_output(void *arg, const char *p, size_t n)
{
	struct extract_reader *r = arg;
	struct err e = {0};
	int k = extract_reader_take(r, p, n, &e);

	if (k < 0 && k != -ENOMEM)
		log_debug("extract", "%s", e.msg);
	return k;
}

static int fail(struct extracted *x, enum extract_failure f, const char *text)
{
	x->failure = f;
	snprintf(x->error, sizeof(x->error), "%s", text);
	return 0;
}

int extract_ended(struct extracted *x, const struct sandbox_result *end)
{
	bool killed = end->end == SANDBOX_KILLED;

	log_debug("extract", "ended by %d, %d: %s", (int)end->end, end->status, end->errors);
	if (end->end == SANDBOX_OUTPUT)
		return fail(
			x, EXTRACT_TOO_LARGE, "The file holds more text than is taken. Split it, and add the parts.");
	if (end->end == SANDBOX_TIME || (killed && end->status == SIGXCPU))
		return fail(x, EXTRACT_TIMEOUT,
			"Reading the file took more time than it may. Split it, or save it anew in another format.");
	/* Its allocations abort; the kernel kills when it has no more. */
	if (killed && (end->status == SIGKILL || end->status == SIGABRT || end->status == SIGXFSZ))
		return fail(x, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
	return fail(x, EXTRACT_BROKEN,
		"The file is damaged: reading it broke off. Open it in its own program and save it anew.");
}

/* Words of the command, "name=value". */
struct words {
	char *list[WORDS];
	size_t n;
};

static void PRINTF(2, 3) add_word(struct words *w, const char *fmt, ...)
{
	va_list ap;

	ASSERT(w->n < WORDS - 1);
	va_start(ap, fmt);
	if (vasprintf(&w->list[w->n++], fmt, ap) < 0)
		memory_is_out();
	va_end(ap);
}

static void words_done(struct words *w)
{
	while (w->n > 0)
		free(w->list[--w->n]);
}

static void env_init(const char *env[5], const char *secret)
{
	env[0] = "PATH=/usr/bin:/bin";
	env[1] = "HOME=/tmp";
	env[2] = "LANG=C.UTF-8";
	env[3] = secret;
	env[4] = NULL;
}

/* Other users of the machine see the words of a command, but not its environment. */
static char *secret_word(const char *name, const char *value)
{
	char *r = NULL;

	if (value && asprintf(&r, "%s=%s", name, value) < 0)
		memory_is_out();
	return r;
}

static int run(const struct extract_request *q, int (*output)(void *arg, const char *p, size_t n), void *arg,
	struct sandbox_result *end, struct err *e)
{
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *password = secret_word(EXTRACT_PASSWORD, q->password);
	const char *env[5];
	struct sandbox s = {.argv = (const char *const *)w.list,
		.image = reader,
		.env = env,
		.in = q->fd,
		.cancel = q->cancel,
		.limits = {.wall_ms = q->ocr ? OCR_WALL_MS : WALL_MS,
			.cpu_s = OWN_CPU_S,
			.memory = q->ocr ? OCR_MEMORY : MEMORY_MAX,
			.file = (size_t)64 << 20,
			.output = (size_t)512 << 20,
			.files = 64,
			.processes = 32},
		.output = output,
		.arg = arg};

	env_init(env, password);
	add_word(&w, "%s", SANDBOX_SELF);
	add_word(&w, "extract");
	add_word(&w, "text=%zu", q->text_max ? q->text_max : EXTRACT_TEXT_MAX);
	add_word(&w, "walls=%d", (int)sandbox_walls());
	if (q->name)
		add_word(&w, "name=%s", q->name);
	if (q->encoding)
		add_word(&w, "encoding=%s", q->encoding);
	if (q->ocr)
		add_word(&w, "ocr=%s", q->ocr);
	thread_give_way();
	return sandbox_run(&s, end, e);
}

int extract_file(const struct extract_request *q, struct extracted *ret, struct err *e)
{
	CLEANUP(extract_reader_done) struct extract_reader lines;
	struct sandbox_result end = {0};
	struct err said = {0};

	extract_reader_init(&lines, q, ret);
	int r = run(q, take_output, &lines, &end, e);
	if (r == E_INVALID)
		r = fail(ret, EXTRACT_BROKEN, "The file cannot be read: what came of it makes no sense.");
	else if (r == E_TOO_LARGE)
		r = fail(
			ret, EXTRACT_TOO_LARGE, "The file holds more text than is taken. Split it, and add the parts.");
	else if (r == 0 && !lines.ended)
		r = extract_ended(ret, &end);
	lines.ended |= r == 0;
	buf_reset(&lines.line);
	if (r == 0)
		r = extract_reader_end(&lines, &said);
	if (r < 0) {
		extracted_free(ret);
		return err_set(e, r, "A file cannot be read: %s", said.msg[0] ? said.msg : strerror(-r));
	}
	return 0;
}

int extract_lines(
	const struct extract_request *q, int (*output)(void *arg, const char *p, size_t n), void *arg, struct err *e)
{
	struct extracted how = {0};
	struct sandbox_result end;
	int r = run(q, output, arg, &end, e);

	if (r < 0 || (end.end == SANDBOX_EXITED && end.status == 0))
		return r;
	(void)extract_ended(&how, &end);
	return err_set(e, E_INVALID, "%s", how.error);
}

/* ---- a page as a picture ---- */

static int take_bytes(void *arg, const char *p, size_t n)
{
	struct buf *to = arg;

	buf_add(to, p, n);
	return buf_status(to);
}

int extract_page_png(
	int fd, int page, int width, const char *password, struct cancel *cancel, struct buf *ret, struct err *e)
{
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *secret = secret_word(EXTRACT_PASSWORD, password);
	const char *env[5];
	struct sandbox s = {.argv = (const char *const *)w.list,
		.image = reader,
		.env = env,
		.in = fd,
		.least = SANDBOX_LANDLOCK,
		.cancel = cancel,
		.limits = {.wall_ms = 30000,
			.cpu_s = 20,
			.memory = MEMORY_MAX,
			.file = (size_t)64 << 20,
			.output = PICTURE_MAX,
			.files = 64,
			.processes = 16},
		.output = take_bytes,
		.arg = ret};
	struct sandbox_result end;

	env_init(env, secret);
	add_word(&w, "%s", SANDBOX_SELF);
	add_word(&w, "extract");
	add_word(&w, "page=%d", page);
	add_word(&w, "width=%d", width);
	int r = sandbox_run(&s, &end, e);
	if (r < 0)
		return err_set(e, r, "The page cannot be drawn.");
	if (end.end == SANDBOX_EXITED && end.status == EXTRACT_NO_PAGE)
		return err_set(e, E_NOT_FOUND, "The document has no page %d.", page);
	if (end.end != SANDBOX_EXITED || end.status != 0 || ret->n < 8 || memcmp(ret->p, "\x89PNG\r\n\x1a\n", 8) != 0)
		return err_set(e, E_INVALID, "This page cannot be drawn.");
	return 0;
}

/* ---- a page of the web ---- */

int extract_web_page(const struct extract_web_page *page, struct cancel *cancel, struct buf *ret, struct err *e)
{
	CLEANUP(closep) int fd = sandbox_file(page->p, page->n);
	CLEANUP(words_done) struct words w = {0};
	CLEANUP(freep) char *url = secret_word(EXTRACT_URL, page->url);
	const char *env[5];
	struct sandbox s = {.argv = (const char *const *)w.list,
		.image = reader,
		.env = env,
		.in = fd,
		.cancel = cancel,
		.limits = {.wall_ms = 20000,
			.cpu_s = 10,
			.memory = MEMORY_MAX,
			.file = (size_t)64 << 20,
			.output = PAGE_TEXT_MAX,
			.files = 64,
			.processes = 16},
		.output = take_bytes,
		.arg = ret};
	struct sandbox_result end = {0};

	env_init(env, url);
	add_word(&w, "%s", SANDBOX_SELF);
	add_word(&w, "extract");
	if (page->charset)
		add_word(&w, "encoding=%s", page->charset);
	int r = fd < 0 ? fd : sandbox_run(&s, &end, e);
	if (r == 0 && end.end == SANDBOX_EXITED && end.status == 0)
		return 0;
	if (r == -ECANCELED)
		return r;
	log_debug("extract", "a page of the web: %d, %d: %s", (int)end.end, end.status, end.errors);
	return r < 0 ? err_set(e, r, "The page cannot be read on this machine.")
		     : err_set(e, E_INVALID, "The page is damaged or too large: reading it broke off.");
}
