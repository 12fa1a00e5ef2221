/* cli_docs.c - `atelier docs TABLE` and `atelier openapi`: the reference, printed from the tables. */
#include <stdio.h>

#include "api/routes.h"
#include "base/event.h"
#include "program.h"
#include "sys/metrics.h"

/* In a cell of a table, | would end it. */
static void cell(const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			putchar('\\');
		putchar(*text == '\n' ? ' ' : *text);
	}
}

static void docs_file_providers(void)
{
	size_t n;
	const struct settings_provider_field *all = settings_provider_fields(&n);

	puts("\n## Providers in the file\n\nBesides those of the settings above, the file declares any number of "
	     "providers, "
	     "several of a kind as well, by\nlines `provider.NAME.FIELD = value`. The name has 1 to 32 characters of "
	     "a to z, 0 to 9 and the hyphen.\n\n"
	     "| Field | Values | Meaning |\n|---|---|---|");
	for (size_t i = 0; i < n; i++) {
		printf("| `%s` | ", all[i].name);
		if (all[i].number)
			printf("0 to %lld | ", (long long)all[i].max);
		else if (all[i].max == 1)
			fputs("on or off | ", stdout);
		else
			printf("text, up to %lld bytes | ", (long long)all[i].max);
		cell(all[i].help);
		puts(" |");
	}
}

static void docs_settings(void)
{
	size_t n;
	const struct setting_info *all = settings_table(&n);

	puts("# Settings\n\nEach is a flag (`--name=value`, `-` for `_`), an environment variable and a line `name = "
	     "value` of\n"
	     "`atelier.conf` in the data folder. Flags win over the environment, the environment over the file.\n\n"
	     "| Name | Default | Values | Environment | Meaning |\n|---|---|---|---|---|");
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf values = BUF_INIT(4096);
		const char *def = all[i].def;

		setting_values(&all[i], &values);
		if (all[i].kind == SETTING_BOOL)
			def = strcmp(def, "1") == 0 ? "on" : "off";
		printf("| `%s` | %s%s%s | %s | `%s` | ", all[i].name, *def ? "`" : "", def, *def ? "`" : "", values.p,
			all[i].env);
		cell(all[i].help);
		puts(" |");
	}
	docs_file_providers();
}

static void docs_errors(void)
{
	size_t n;
	const struct err_info *all = err_table(&n);

	puts("# Errors\n\nEvery failure is `{\"error\": {\"code\", \"message\", \"request_id\", \"retryable\"}}`, with "
	     "\"field\" when one thing of the request is refused.\n\n"
	     "| Code | Status | Retry | Text |\n|---|---|---|---|");
	for (size_t i = 0; i < n; i++) {
		printf("| `%s` | %d | %s | ", all[i].wire_code, all[i].http_status, all[i].retryable ? "yes" : "no");
		cell(all[i].text);
		puts(" |");
	}
}

static void docs_events(void)
{
	puts("# Events of a turn\n\nEach is one frame of an event stream: `id` is its number within the turn, `event` "
	     "its name,\n"
	     "`data` a JSON object of these fields (`?`: may be absent). `done` is the last of a stream.\n\n"
	     "| Event | Fields | Meaning |\n|---|---|---|");
	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_info *e = event_info((enum event_type)i);
		printf("| `%s` | `", e->name);
		cell(e->fields);
		printf("` | ");
		cell(e->doc);
		puts(" |");
	}
}

static void docs_metrics(void)
{
	size_t n;
	const struct metric_info *all = metrics_table(&n);

	puts("# Metrics\n\nServed at `/metrics` in the Prometheus text format.\n\n| Name | Type | Unit | Meaning "
	     "|\n|---|---|---|---|");
	for (size_t i = 0; i < n; i++) {
		printf("| `atelier_%s` | %s | %s | ", all[i].name, all[i].kind, all[i].unit);
		cell(all[i].help);
		puts(" |");
	}
}

static void docs_routes(void)
{
	static const char *const who[] = {"anybody", "signed in", "administrators"};
	size_t n;
	const struct route *const *all = api_routes(&n);

	puts("# Routes\n\nThe whole description is `atelier openapi`, served at `/api/v1/openapi.json`.\n\n"
	     "| Method | Path | For | Body | Answer | What |\n|---|---|---|---|---|---|");
	for (size_t i = 0; i < n; i++) {
		const struct route *r = all[i];

		ASSERT((size_t)r->access < N_ELEMENTS(who));
		printf("| %s | `%s` | %s | %s | %d %s%s%s | ", r->method, r->path, who[r->access],
			r->body ? r->body->name : "", r->status,
			r->answer  ? r->answer->name
			: r->media ? "text"
				   : "",
			r->answer && r->stream ? " or " : "", r->stream ? r->stream : "");
		cell(r->summary);
		puts(" |");
	}
}

static const struct table {
	const char *name;
	void (*print)(void);
} tables[] = {
	{"settings", docs_settings},
	{"errors", docs_errors},
	{"events", docs_events},
	{"metrics", docs_metrics},
	{"routes", docs_routes},
};

int cmd_docs(struct cli *c)
{
	for (size_t i = 0; c->argc == 1 && i < N_ELEMENTS(tables); i++) {
		if (strcmp(c->argv[0], tables[i].name) == 0) {
			tables[i].print();
			return EXIT_SUCCESS;
		}
	}
	return usage_error("It goes: atelier docs settings|errors|events|metrics|routes.");
}

int cmd_openapi(struct cli *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(16 << 20);

	if (c->argc > 0)
		return usage_error("openapi takes no words.");
	openapi_write(&b);
	if (buf_status(&b) < 0)
		return EXIT_FAILURE;
	puts(b.p);
	return EXIT_SUCCESS;
}
