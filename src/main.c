/*
 * main.c - Atelier on one page: the command line, and in which order the server's parts start and stop.
 *
 * The main thread starts everything, sleeps until a signal comes, and stops everything. The loop has its own thread.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "program.h"
#include "rag/extract.h"
#include "sys/logger.h"
#include "sys/sandbox.h"

static int start(struct program *p, struct err *e)
{
	int r;

	if ((r = logger_start(e)) < 0 ||         /* nobody waits for who reads the log */
		(r = folder_open(p, e)) < 0 ||   /* nobody else works in it */
		(r = server_bind(p, e)) < 0 ||   /* from here on connections wait to be answered */
		(r = database_open(p, e)) < 0 || /* and who may sign in */
		(r = providers_open(p, e)) < 0 ||
		(r = interface_open(p, e)) < 0 || /* what the last run left unfinished is stored here */
		(r = loop_start(p, e)) < 0)       /* the providers are looked at, and now they are answered */
		return r;
	return background_start(p, e); /* what may be late: removing what is old, going on with jobs */
}

static int cmd_serve(struct cli *c)
{
	struct program p;
	struct err e = {0};

	if (c->argc > 0)
		return usage_error("serve takes no words, only flags; \"%s\" is one.", c->argv[0]);
	signals_block();
	limits_raise();
	program_init(&p, &c->settings);
	if (start(&p, &e) < 0) {
		program_stop(&p);
		return report(&e);
	}
	announce(&p);
	signals_wait(&p);
	program_stop(&p);
	return EXIT_SUCCESS;
}

static int cmd_help(struct cli *c)
{
	(void)c;
	print_help();
	return EXIT_SUCCESS;
}

static int cmd_version(struct cli *c)
{
	(void)c;
	printf("atelier %s\n", ATELIER_VERSION);
	return EXIT_SUCCESS;
}

static const struct command {
	const char *name;
	int (*run)(struct cli *c);
} commands[] = {
	{"serve", cmd_serve},
	{"chat", cmd_chat},
	{"user", cmd_user},
	{"db", cmd_db},
	{"collection", cmd_collection},
	{"search", cmd_search},
	{"mcp", cmd_mcp},
	{"extract", cmd_extract},
	{"doctor", cmd_doctor},
	{"openapi", cmd_openapi},
	{"docs", cmd_docs},
	{"help", cmd_help},
	{"version", cmd_version},
};

int usage_error(const char *fmt, ...)
{
	char text[1024]; /* an argument may be the name of any file */
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fputs("atelier: ", stderr);
	print_line(stderr, text);
	fputs(" See atelier --help.\n", stderr);
	return EXIT_USAGE;
}

int report(const struct err *e)
{
	const char *text = e->msg[0] ? e->msg : err_info(e->code)->text;

	fputs("atelier: ", stderr);
	print_text(stderr, text, strlen(text));
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

void report_lost(const struct db *db)
{
	int64_t until_s;
	const char *text = db_lost(db, &until_s);

	if (!text)
		return;
	fputs("atelier: ", stderr);
	print_text(stderr, text, strlen(text));
	fputc('\n', stderr);
}

static void drop_words(int *argc, char **argv, int at, int n)
{
	ASSERT(n > 0 && at + n <= *argc);
	memmove(&argv[at], &argv[at + n], (size_t)(*argc - at - n + 1) * sizeof(*argv));
	*argc -= n;
}

/* "--role x", "--role=x", "-m x": the value, taken out of argv; NULL when it is not this flag. */
static const char *take_flag(int *argc, char **argv, int at, const char *name, bool *ret_lacks)
{
	size_t n = strlen(name);
	const char *value;

	if (strncmp(argv[at], name, n) != 0)
		return NULL;
	if (n > 2 && argv[at][n] == '=') {
		value = argv[at] + n + 1;
		drop_words(argc, argv, at, 1);
		return value;
	}
	if (argv[at][n] != '\0')
		return NULL;
	value = at + 1 < *argc ? argv[at + 1] : NULL;
	*ret_lacks = !value;
	drop_words(argc, argv, at, value ? 2 : 1);
	return value;
}

static void keep_flag(struct cli *c, size_t at, const char *value)
{
	if (at != offsetof(struct cli, images))
		*(const char **)(void *)((char *)c + at) = value;
	else if (c->n_images++ < CLI_IMAGES_MAX)
		c->images[c->n_images - 1] = value;
}

/* The few flags that are no settings. NULL, or the name of one whose value is missing. */
static const char *take_own_flags(struct cli *c, int *argc, char **argv, const char **ret_instead)
{
	static const struct {
		const char *name;
		size_t at;
	} flags[] = {
		{"--role", offsetof(struct cli, role)},
		{"--model", offsetof(struct cli, model)},
		{"-m", offsetof(struct cli, model)},
		{"--from", offsetof(struct cli, from)},
		{"--to", offsetof(struct cli, to)},
		{"--assistant", offsetof(struct cli, assistant)},
		{"--conversation", offsetof(struct cli, conversation)},
		{"-c", offsetof(struct cli, conversation)},
		{"--json-schema", offsetof(struct cli, json_schema)},
		{"--image", offsetof(struct cli, images)},
	};
	bool lacks = false;

	for (int i = 1; i < *argc && strcmp(argv[i], "--") != 0;) {
		size_t k = 0;
		const char *value = NULL;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			*ret_instead = "help";
		else if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			*ret_instead = "version";
		for (; k < N_ELEMENTS(flags) && !value && !lacks; k++)
			value = take_flag(argc, argv, i, flags[k].name, &lacks);
		if (lacks)
			return flags[k - 1].name;
		if (!value)
			i++;
		else
			keep_flag(c, flags[k - 1].at, value);
	}
	return NULL;
}

static int run(struct cli *c, int argc, char **argv)
{
	const char *word = NULL, *lacks = take_own_flags(c, &argc, argv, &word);
	struct err e = {0};

	if (lacks)
		return usage_error("%s needs a value.", lacks);
	if (!word) {
		if (settings_load(&c->settings, &argc, argv, &e) < 0)
			return usage_error("%s", e.msg);
		log_init((enum log_level)settings_choice(&c->settings, "log_level"),
			settings_choice(&c->settings, "log_format") == 1);
		memory_hide(&c->settings);
		if (argc > 1 && strcmp(argv[1], "--") == 0)
			drop_words(&argc, argv, 1, 1);
		if (argc < 2)
			return usage_error("Say what to do: atelier serve, or atelier chat \"Hello\".");
		word = argv[1];
		c->argc = argc - 2;
		c->argv = argv + 2;
		ASSERT(!c->argv[c->argc]); /* as main() has them, whatever was taken out */
	}
	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		if (strcmp(commands[i].name, word) == 0)
			return commands[i].run(c);
	}
	return usage_error("There is no command \"%s\".", word);
}

/* Where one of them is closed, the first files opened would take its number, and all that is printed. */
static void fill_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR); /* programs that are started have them, too */
		if (fd < 0)
			fd = open("/", O_RDONLY | O_DIRECTORY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct sandbox_image reader = {reader_image, (size_t)(reader_image_end - reader_image)};
	struct cli c = {.role = NULL};
	int status;

	if (argc > 1 && strcmp(argv[1], "confine") == 0)
		sandbox_confine(argc - 2, argv + 2, NULL);
	fill_standard_files();
	signal(SIGXFSZ, SIG_IGN); /* a write beyond a limit on files fails then, as on a full disk */
	ASSERT(reader.n > 0);     /* it was built in */
	extract_reader(reader);
	settings_init(&c.settings);
	status = run(&c, argc, argv);
	settings_done(&c.settings);
	return status;
}
