/*
 * cli_chat.c - `atelier chat "text"`: one question, its answer on standard output as it comes. It is asked here, by the providers of the
 * settings, and nothing is stored (what the Librarian needs of a database stands in a temporary folder that is gone afterwards), or
 * by a running server (cli_server.h).
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/image.h"
#include "base/json.h"
#include "base/utf8.h"
#include "cli_server.h"
#include "engine.h"
#include "store/store.h"

#define INPUT_MAX ((size_t)64 << 20)
#define ARENA_MAX ((size_t)1 << 30)

struct chat {
	struct engine engine;
	struct cancel cancel;
	atomic_bool over;      /* the next signal is for the watcher alone */
	char folder[PATH_MAX]; /* "": none */
	struct db *db;
};

/* ---- the answer ---- */

struct printer {
	struct gen_sink sink;
	struct buf reasoning; /* of a server, where it may turn out to be the answer */
	struct buf answer;    /* what was written */
	bool ends_line;       /* what was written last ended a line */
	bool broken;          /* nobody reads the output any more */
};

static int print_answer(struct printer *p, const char *text, size_t n)
{
	if (n == 0)
		return 0;
	buf_add(&p->answer, text, n);
	p->ends_line = text[n - 1] == '\n';
	p->broken = !print_text(stdout, text, n) || fflush(stdout) < 0;
	return p->broken ? -EPIPE : 0;
}

static void print_aside(const char *text)
{
	print_text(stderr, text, strlen(text));
	fputc('\n', stderr);
}

/* What is asked here says that text stays; of a server's answer, what came so far may be of the other kind. */
static int move(struct printer *p, const char *to)
{
	int r = 0;

	if (strcmp(to, "text") == 0)
		r = print_answer(p, buf_str(&p->reasoning).p, p->reasoning.n);
	else
		print_aside("(What stands above was thought, not said.)");
	buf_reset(&p->reasoning);
	return r;
}

static int print_event(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	static const char *const members[EVENT_COUNT] = {[EV_TEXT] = "text",
		[EV_REASONING] = "text",
		[EV_STATUS] = "text",
		[EV_NOTICE] = "text",
		[EV_MOVED] = "to"};
	struct printer *p = CONTAINER_OF(s, struct printer, sink);
	CLEANUP(json_decrefp) json_t *data = NULL;
	int r;

	(void)on_loop;
	ASSERT((size_t)type < N_ELEMENTS(members));
	if (!members[type])
		return 0;
	if ((r = json_parse(json, n, &data, NULL)) < 0)
		return r;
	const char *text = json_get_str(data, members[type]);
	if (!text || !*text)
		return 0;
	if (type == EV_TEXT)
		return print_answer(p, text, strlen(text));
	if (type == EV_MOVED)
		return move(p, text);
	if (type == EV_REASONING)
		buf_add_str(&p->reasoning, text);
	else
		print_aside(text);
	return 0;
}

/* Not every model takes a schema, and not every one that takes it keeps to it: whoever reads the output relies on it. */
static int check_json(const struct printer *p, struct err *e)
{
	CLEANUP(json_decrefp) json_t *value = NULL;
	struct str text = buf_str(&p->answer);
	int r = buf_check(&p->answer, e, "The answer is too long.");

	if (r < 0 || (r = json_parse(text.p, text.n, &value, NULL)) == 0)
		return r;
	return err_set(
		e, E_INVALID, "The answer is no JSON: the model did not keep to the schema. Choose another model.");
}

/* ---- Ctrl+C ---- */

static void *watch_signals(void *arg)
{
	struct chat *c = arg;
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	for (int times = 0;; times++) {
		if (sigwait(&set, &sig) != 0)
			continue;
		if (atomic_load(&c->over))
			return NULL;
		if (times > 0)
			_exit(EXIT_INTERRUPT);
		cancel_fire(&c->cancel, E_CANCELED);
	}
}

/* ---- the question ---- */

static int read_all(FILE *from, const char *name, struct buf *b, struct err *e)
{
	for (;;) {
		char *at = buf_reserve(b, 65536);
		if (!at)
			return err_set(e, buf_status(b), "%s is too long.", name);
		size_t n = fread(at, 1, 65535, from);
		b->n += n;
		if (n == 0)
			break;
	}
	b->p[b->n] = '\0';
	return ferror(from) ? err_set(e, -EIO, "%s cannot be read: %s.", name, strerror(errno)) : 0;
}

static int read_file(const char *path, struct buf *b, struct err *e)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return err_set(e, -errno, "%s cannot be opened: %s.", path, strerror(errno));
	int r = read_all(f, path, b, e);
	(void)fclose(f);
	return r;
}

/* As it is sent: known by its bytes, without what it says of place and person. */
static int read_image(const char *path, size_t max, struct arena *a, struct gen_image *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(max), clean = BUF_INIT(max);
	struct image image;
	struct err why = {0};
	int r = read_file(path, &bytes, e);

	if (r < 0)
		return r;
	if ((r = image_clean(buf_str(&bytes), &clean, &image, &why)) < 0 || (r = buf_status(&clean)) < 0)
		return err_set(e, r, "%s: %s", path, why.msg[0] ? why.msg : err_info(r)->text);
	size_t size = sodium_base64_encoded_len(clean.n, sodium_base64_VARIANT_ORIGINAL);
	char *text = arena_alloc(a, size);
	if (!text)
		return err_set(e, -ENOMEM, "%s is too large.", path);
	sodium_bin2base64(
		text, size, (const unsigned char *)buf_str(&clean).p, clean.n, sodium_base64_VARIANT_ORIGINAL);
	*ret = (struct gen_image){.media_type = image_media_type(image.type), .data = text};
	return 0;
}

static int read_schema(const char *path, struct arena *a, struct gen_request *q, struct err *e)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(INPUT_MAX);
	CLEANUP(json_decrefp) json_t *schema = NULL;
	int r = read_file(path, &text, e);

	if (r < 0)
		return r;
	if (json_parse(buf_str(&text).p, text.n, &schema, NULL) < 0 || !json_is_object(schema))
		return err_set(e, E_INVALID, "%s holds no JSON Schema, which is a JSON object.", path);
	q->format = FORMAT_SCHEMA;
	q->schema_name = "answer";
	q->schema = arena_strndup(a, text.p, text.n);
	return q->schema ? 0 : err_set(e, -ENOMEM, "%s is too long.", path);
}

/* Files are read before anybody is asked. */
static int read_question(
	const struct cli *cli, struct arena *a, struct gen_message *message, struct gen_request *q, struct err *e)
{
	struct gen_image *images = ARENA_ARRAY(a, struct gen_image, CLI_IMAGES_MAX);
	int r = images ? 0 : err_set(e, -ENOMEM, "no memory for a question");

	ASSERT(cli->n_images <= CLI_IMAGES_MAX); /* more were refused */
	for (size_t i = 0; r == 0 && i < cli->n_images; i++)
		r = read_image(cli->images[i], (size_t)cli->settings.image_max_mb << 20, a, &images[i], e);
	message->images = images;
	message->n_images = cli->n_images;
	return r < 0 || !cli->json_schema ? r : read_schema(cli->json_schema, a, q, e);
}

/* ---- the story ---- */

static int open_manual(struct chat *c, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	size_t n;
	const struct db_migration *migrations = store_migrations(&n);
	char path[PATH_MAX];

	ASSERT(!c->db && !c->folder[0]); /* what is made is removed once */
	if ((size_t)snprintf(c->folder, sizeof(c->folder), "%s/atelier-XXXXXX", tmp && *tmp ? tmp : "/tmp") >=
			sizeof(c->folder) - 32 ||
		!mkdtemp(c->folder)) {
		c->folder[0] = '\0';
		return err_set(e, -errno, "No temporary folder can be made: %s.", strerror(errno));
	}
	snprintf(path, sizeof(path), "%.*s/manual.db", PATH_MAX - 32, c->folder);
	int r = db_open(&(struct db_config){.path = path, .readers = 1}, migrations, n, &c->db, e);
	return r < 0 ? r : manual_load(c->db, e);
}

/* Opened when the Librarian first looks, which it does on one thread: most chats are with another model. */
static int search(void *arg, const char *query, size_t limit, struct arena *a, struct manual_passage **ret,
	size_t *ret_n, struct err *e)
{
	struct chat *c = arg;
	int r = c->db ? 0 : open_manual(c, e);

	return r < 0 ? r : manual_search_db(c->db, query, limit, a, ret, ret_n, e);
}

/* Here, by the providers of the settings. */
static int ask_here(struct chat *c, const struct cli *cli, struct gen_request *q, struct gen_sink *out, struct arena *a,
	struct err *e)
{
	struct gen_result result;
	int r = providers_start(c->engine.providers, e);

	if (r == 0)
		r = providers_resolve(c->engine.providers, cli->model, a, &q->model, e);
	return r < 0 ? r : provider_generate(c->engine.providers, q, out, &c->cancel, &result, e);
}

static int converse(struct chat *c, const struct cli *cli, struct gen_request *q, struct arena *a, struct err *e)
{
	struct printer out = {.sink = {.event = print_event},
		.reasoning = BUF_INIT(INPUT_MAX),
		.answer = BUF_INIT(INPUT_MAX),
		.ends_line = true};
	bool there = cli->assistant || cli->conversation;
	int r = there ? server_ask(c->engine.http, cli, q, &out.sink, &c->cancel, a, e)
		      : ask_here(c, cli, q, &out.sink, a, e);

	if (out.broken) {
		err_clear(e);
		r = err_set(e, -EPIPE, "Standard output cannot be written.");
	} else if (!out.ends_line) {
		putchar('\n');
	}
	if (r == 0 && cli->json_schema)
		r = check_json(&out, e);
	buf_done(&out.answer);
	buf_done(&out.reasoning);
	return r;
}

static int chat(struct cli *cli, const char *text, struct err *e)
{
	struct chat c = {.folder = ""};
	struct gen_message message = {.role = "user", .content = text};
	struct gen_request q = {.messages = &message, .n_messages = 1, .text_stays = true};
	struct arena a;
	pthread_t watcher;
	bool watched;
	int r;

	cancel_init(&c.cancel);
	arena_init(&a, ARENA_MAX);
	watched = pthread_create(&watcher, NULL, watch_signals, &c) == 0;
	r = read_question(cli, &a, &message, &q, e);
	if (r == 0)
		r = engine_start(&c.engine, &(struct configure){.settings = &cli->settings}, e);
	if (r == 0) {
		librarian_set_manual(c.engine.providers, search, &c);
		r = converse(&c, cli, &q, &a, e);
	}
	if (cancel_reason(&c.cancel))
		r = -ECANCELED;
	engine_stop(&c.engine);
	db_close(c.db);
	if (c.folder[0])
		(void)folder_remove(c.folder);
	if (watched) {
		atomic_store(&c.over, true);
		pthread_kill(watcher, SIGINT);
		pthread_join(watcher, NULL);
	}
	arena_done(&a);
	cancel_done(&c.cancel);
	return r;
}

int cmd_chat(struct cli *c)
{
	CLEANUP(buf_done) struct buf input = BUF_INIT(INPUT_MAX);
	struct err e = {0};
	int r = 0;

	if (c->argc != 1)
		return usage_error("It goes: atelier chat \"text\" [-m MODEL]; - reads the text from standard input.");
	if (c->n_images > CLI_IMAGES_MAX)
		return usage_error("There can be %d pictures in a question.", CLI_IMAGES_MAX);
	signals_block();
	limits_raise();
	if (strcmp(c->argv[0], "-") == 0)
		r = read_all(stdin, "Standard input", &input, &e);
	const char *text = strcmp(c->argv[0], "-") == 0 ? buf_str(&input).p : c->argv[0];
	if (r == 0 && (strlen(text) < input.n || !utf8_valid(text, strlen(text))))
		r = err_set(&e, E_INVALID, "What is asked is no text in UTF-8.");
	if (r == 0 && !text[strspn(text, " \t\r\n")])
		return usage_error("There is nothing to say: the text is empty.");
	if (r == 0)
		r = chat(c, text, &e);
	if (r == -ECANCELED || r == E_CANCELED)
		return EXIT_INTERRUPT;
	return r < 0 ? report(&e) : EXIT_SUCCESS;
}
