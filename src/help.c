/* help.c - --help, from the table of settings. */
#include <stdio.h>

#include "program.h"

#define WIDTH  80
#define INDENT 30
_Static_assert(INDENT < WIDTH / 2, "most of a line is what a setting does");

static const char usage[] = "Atelier " ATELIER_VERSION ", a self-hosted chat with language models.\n"
			    "\n"
			    "  atelier serve                       serve the web page and the interface\n"
			    "  atelier chat TEXT [-m MODEL]        one answer on standard output, not kept\n"
			    "                                      (TEXT - is read from standard input)\n"
			    "        --image FILE                  with a picture, or several of them\n"
			    "        --assistant NAME              by an assistant of a running server\n"
			    "        -c ID                         in a conversation there, which keeps it\n"
			    "        --json-schema FILE            the answer is JSON of this schema\n"
			    "  atelier user add NAME --role ROLE   make a user (admin or user); asks for the\n"
			    "                                      password, or reads it from standard input\n"
			    "  atelier db copy --from URL --to URL  move everything to another database\n"
			    "                                      (postgresql://..., or a data folder)\n"
			    "  atelier db rollback                 the database of before the last migration\n"
			    "  atelier extract FILE                what a document says, as lines of JSON\n"
			    "  atelier collection add NAME PATH... bring files and folders to a server;\n"
			    "                                      again: those that have changed\n"
			    "  atelier search NAME WORDS           passages of a collection there\n"
			    "  atelier mcp                         a server as one of MCP, on standard input\n"
			    "                                      and output\n"
			    "  atelier doctor                      look for what is wrong and say what to do\n"
			    "  atelier openapi                     print the description of the interface\n"
			    "  atelier docs TABLE                  print settings, errors, events, metrics or\n"
			    "                                      routes as Markdown\n"
			    "  atelier --version, --help\n"
			    "\n"
			    "Settings: flag, else environment variable, else DATA/atelier.conf (lines of\n"
			    "name = value; another file: --config), else the default.\n";

/* Each group begins with the setting of this name. */
static const struct group {
	const char *first, *title;
} groups[] = {
	{"data", "Serving"},
	{"workers", "Sizes"},
	{"rate_per_minute", "People"},
	{"stream_token_s", "Streams and the journal"},
	{"ollama_host", "Models"},
	{"connect_timeout_ms", "Calls of providers"},
};

static void print_wrapped(const char *text)
{
	size_t column = INDENT;

	while (*text) {
		size_t n = strcspn(text, " ");
		if (column > INDENT && column + 1 + n > WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)n, text);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void print_setting(const struct setting_info *s)
{
	CLEANUP(buf_done) struct buf flag = BUF_INIT(256);
	CLEANUP(buf_done) struct buf text = BUF_INIT(4096);

	for (const char *p = s->name; *p; p++)
		buf_add_char(&flag, *p == '_' ? '-' : *p);
	buf_add_str(&text, s->help);
	if (s->kind == SETTING_CHOICE) {
		buf_add_str(&text, ": ");
		setting_values(s, &text);
	}
	if (s->kind == SETTING_BOOL)
		buf_printf(&text, " [%s; %s]", s->env, strcmp(s->def, "1") == 0 ? "on" : "off");
	else
		buf_printf(&text, " [%s%s%s]", s->env, *s->def ? "; " : "", s->def);
	printf("  --%s%-*s", s->kind == SETTING_BOOL ? "[no-]" : "", INDENT - 4 - (s->kind == SETTING_BOOL ? 5 : 0),
		flag.p);
	if (flag.n + 4 + (s->kind == SETTING_BOOL ? 5 : 0) >= INDENT)
		printf("\n%*s", INDENT, "");
	print_wrapped(text.p);
}

void print_help(void)
{
	size_t n, titles = 0;
	const struct setting_info *all = settings_table(&n);

	fputs(usage, stdout);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < N_ELEMENTS(groups); k++) {
			if (strcmp(all[i].name, groups[k].first) != 0)
				continue;
			printf("\n%s\n", groups[k].title);
			titles++;
		}
		print_setting(&all[i]);
	}
	ASSERT(titles == N_ELEMENTS(groups)); /* a setting that begins one was renamed */
}
