/* test_settings.c - which source wins, what is refused, and the addresses people write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/settings.h"

static char folder[64];

static void clear_environment(void)
{
	const struct setting_info *all;
	size_t n;

	all = settings_table(&n);
	for (size_t i = 0; i < n; i++)
		unsetenv(all[i].env);
	unsetenv("ATELIER_CONFIG");
	unsetenv("XDG_DATA_HOME");
	setenv("HOME", "/home/nobody", 1);
}

static int setup(void **state)
{
	(void)state;
	clear_environment();
	snprintf(folder, sizeof(folder), "/tmp/atelier-settings-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/atelier.conf", folder);
	unlink(path);
	rmdir(folder);
	return 0;
}

static void write_conf(const char *text)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/atelier.conf", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Loads with these arguments, separated by blanks; the rest is joined into `rest`. */
static int load(struct settings *s, const char *line, char rest[128], struct err *e)
{
	char copy[512], *argv[32], *next = copy;
	int argc = 0, r;

	snprintf(copy, sizeof(copy), "atelier %s", line);
	while (next && argc < 31) {
		char *word = strsep(&next, " ");

		if (*word)
			argv[argc++] = word;
	}
	argv[argc] = NULL;
	settings_init(s);
	r = settings_load(s, &argc, argv, e);
	if (r == 0)
		assert_null(argv[argc]);
	rest[0] = '\0';
	for (int i = 0; r == 0 && i < argc; i++)
		snprintf(rest + strlen(rest), 128 - strlen(rest), "%s%s", i ? " " : "", argv[i]);
	return r;
}

static void refuse(const char *line, const char *message)
{
	struct settings s;
	struct err e = {0};
	char rest[128];

	assert_int_equal(load(&s, line, rest, &e), E_INVALID);
	assert_string_equal(e.msg, message);
	settings_done(&s);
}

static void test_several_addresses(void **state)
{
	struct settings s;
	struct err e = {0};
	char rest[128];

	(void)state;
	assert_int_equal(
		load(&s, "serve --listen 127.0.0.1:1 --workers 2 --listen=unix:/x --listen [::1]:2", rest, &e), 0);
	assert_string_equal(s.listen, "127.0.0.1:1 unix:/x [::1]:2");
	assert_int_equal(s.workers, 2);
	settings_done(&s);
}

/* Everybody on the machine could read them. */
static void test_secrets_are_no_flags(void **state)
{
	static const char *const flags[] = {"--openai-api-key sk-x", "--anthropic_api_key=sk-x", "--master-key 00"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(flags); i++) {
		struct settings s;
		struct err e = {0};
		char rest[128];

		assert_int_equal(load(&s, flags[i], rest, &e), E_INVALID);
		assert_non_null(strstr(e.msg, "configuration file"));
		assert_null(strstr(e.msg, "sk-x"));
		settings_done(&s);
	}
}

static void test_defaults(void **state)
{
	struct settings s;
	struct err e = {0};
	const struct setting_info *all;
	char rest[128];
	size_t n;

	(void)state;
	assert_int_equal(load(&s, "serve x", rest, &e), 0);
	assert_string_equal(rest, "atelier serve x");
	assert_string_equal(s.data, "/home/nobody/.local/share/atelier");
	assert_string_equal(s.listen, "127.0.0.1:8420");
	assert_string_equal(s.ollama_host, "http://localhost:11434");
	assert_int_equal(s.workers, 4);
	assert_true(s.librarian);
	assert_false(s.trust_proxy);
	assert_string_equal(settings_origin(&s, "listen"), "default");
	assert_string_equal(settings_origin(&s, "nonsense"), "default");
	/* Every default must pass its own check. */
	all = settings_table(&n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(settings_set(&s, all[i].name, all[i].def, "test", &e), 0);
	settings_done(&s);
	setenv("XDG_DATA_HOME", "/srv/share", 1);
	assert_int_equal(load(&s, "", rest, &e), 0);
	assert_string_equal(s.data, "/srv/share/atelier");
	settings_done(&s);
	setenv("XDG_DATA_HOME", "relative", 1);
	assert_int_equal(load(&s, "", rest, &e), 0);
	assert_string_equal(s.data, "/home/nobody/.local/share/atelier");
	settings_done(&s);
	unsetenv("XDG_DATA_HOME");
	unsetenv("HOME");
	refuse("", "There is no home folder; say where the data shall be with --data or ATELIER_DATA.");
	clear_environment();
}

static void test_precedence(void **state)
{
	struct settings s;
	struct err e = {0};
	char rest[128], line[200];

	(void)state;
	write_conf("# a comment\n\n workers = 5 \nheartbeat_s=6\nlog_level = debug\nauto_title = off");
	setenv("ATELIER_HEARTBEAT_S", "7", 1);
	setenv("ATELIER_LOG_LEVEL", "warn", 1);
	snprintf(line, sizeof(line), "--data %s run --log-level=error --librarian=no --trust-proxy", folder);
	assert_int_equal(load(&s, line, rest, &e), 0);
	assert_string_equal(rest, "atelier run");
	assert_int_equal(s.workers, 5);
	assert_int_equal(s.heartbeat_s, 7);
	assert_string_equal(s.log_level, "error");
	assert_int_equal(settings_choice(&s, "log_level"), 0);
	assert_int_equal(settings_choice(&s, "metrics_access"), 0);
	assert_int_equal(settings_choice(&s, "log_format"), 0);
	assert_false(s.auto_title);
	assert_false(s.librarian);
	assert_true(s.trust_proxy);
	assert_string_equal(s.data, folder);
	assert_string_equal(settings_origin(&s, "workers"), "atelier.conf:3");
	assert_string_equal(settings_origin(&s, "heartbeat_s"), "ATELIER_HEARTBEAT_S");
	assert_string_equal(settings_origin(&s, "log_level"), "--log-level");
	assert_string_equal(settings_origin(&s, "db_readers"), "default");
	settings_done(&s);
	/* The folder from the environment, the file from a flag, the end of flags. */
	setenv("ATELIER_DATA", "/nowhere", 1);
	snprintf(line, sizeof(line), "--config=%s/atelier.conf --no-librarian -- --workers 9", folder);
	assert_int_equal(load(&s, line, rest, &e), 0);
	assert_string_equal(rest, "atelier --workers 9");
	assert_int_equal(s.workers, 5);
	assert_false(s.librarian);
	assert_string_equal(s.data, "/nowhere");
	settings_done(&s);
	clear_environment();
}

static void test_refusals(void **state)
{
	char line[128];

	(void)state;
	refuse("--workers 0", "--workers: must be a whole number from 1 to 64.");
	refuse("--workers=4x", "--workers: must be a whole number from 1 to 64.");
	refuse("--workers= ", "--workers: must be a whole number from 1 to 64.");
	refuse("--workers", "--workers: a value must follow.");
	refuse("--librarian=maybe", "--librarian: must be true or false.");
	refuse("--cors-origins https://a.example/",
		"--cors-origins: \"https://a.example/\" is no origin, like https://app.example.org, without a path.");
	refuse("--cors-origins a.example",
		"--cors-origins: \"a.example\" is no origin, like https://app.example.org, without a path.");
	refuse("--log-level loud", "--log-level: must be one of: error warn info debug.");
	refuse("--metrics-access some", "--metrics-access: must be one of: public admin off.");
	refuse("--worker 5", "There is no flag --worker; did you mean --workers?");
	refuse("--login-attempt 5", "There is no flag --login-attempt; did you mean --login-attempts?");
	refuse("--qqqqqqqqqqqq", "There is no flag --qqqqqqqqqqqq; --help lists them all.");
	refuse("--no-workers", "There is no flag --no-workers; did you mean --workers?");
	refuse("--config /no/such/file", "cannot read /no/such/file: No such file or directory.");
	setenv("ATELIER_WORKERS", "many", 1);
	refuse("", "ATELIER_WORKERS: must be a whole number from 1 to 64.");
	clear_environment();
	snprintf(line, sizeof(line), "--data=%s", folder);
	write_conf("workers = 4\nworkers 5\n");
	refuse(line, "atelier.conf:2: must be \"name = value\".");
	write_conf("colour = red\n");
	refuse(line, "atelier.conf:1: there is no setting \"colour\".");
	write_conf("");
}

static void test_empty_variables(void **state)
{
	struct settings s;
	struct err e = {0};
	char rest[128];

	(void)state;
	setenv("ATELIER_WORKERS", "", 1);
	setenv("OLLAMA_HOST", "", 1);
	setenv("ATELIER_LISTEN", "", 1);
	assert_int_equal(load(&s, "", rest, &e), 0);
	assert_int_equal(s.workers, 4);
	assert_string_equal(s.ollama_host, "");
	assert_string_equal(s.listen, "127.0.0.1:8420");
	settings_done(&s);
	clear_environment();
}

static void test_secret(void **state)
{
	struct settings s;
	struct err e = {0};
	char key[600];

	(void)state;
	settings_init(&s);
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(settings_set(&s, "openai_api_key", key, "OPENAI_API_KEY", &e), E_INVALID);
	assert_null(strstr(e.msg, "kkk"));
	assert_string_equal(s.openai_api_key, "");
	assert_int_equal(settings_set(&s, "openai_api_key", "sk-1", "x", &e), 0);
	assert_string_equal(s.openai_api_key, "sk-1");
	settings_done(&s);
}

static void test_addresses(void **state)
{
	static const char *const ollama[][2] = {
		{"gpu", "http://gpu:11434"},
		{"gpu:80", "http://gpu:80"},
		{"0.0.0.0", "http://127.0.0.1:11434"},
		{"0.0.0.0:11434", "http://127.0.0.1:11434"},
		{":1234", "http://127.0.0.1:1234"},
		{"http://0.0.0.0:11434", "http://127.0.0.1:11434"},
		{"http://gpu:1/", "http://gpu:1"},
		{"https://gpu.example.org", "https://gpu.example.org"},
		{"https://gpu.example.org/ollama//", "https://gpu.example.org/ollama"},
		{"gpu:80/path", "http://gpu:80/path"},
		{"::1", "http://[::1]:11434"},
		{"[::1]", "http://[::1]:11434"},
		{"[::]:99", "http://[::1]:99"},
		{"http://me:pw@gpu:5", "http://me:pw@gpu:5"},
		/* Quotes that a shell or an env file left there, as Ollama itself takes them. */
		{"\"127.0.0.1:11500\"", "http://127.0.0.1:11500"},
		{"'127.0.0.1:11500'", "http://127.0.0.1:11500"},
		{" \"https://gpu.example.org/\" ", "https://gpu.example.org"},
		{"\"\"", "http://127.0.0.1:11434"},
	};
	static const char *const bad[] = {"ftp://gpu", "gpu:port", "gpu:0", "gpu:65536", "gpu:99999999", "a b",
		"http://", "http://:80", "[::1", "[::1]x", "[::1]:x", "g\"pu", "\"a b\"", "http://a#@b/v1",
		"http://a?@b/v1", "a#b"};
	struct settings s;
	struct err e = {0};

	(void)state;
	settings_init(&s);
	for (size_t i = 0; i < N_ELEMENTS(ollama); i++) {
		assert_int_equal(settings_set(&s, "ollama_host", ollama[i][0], "x", &e), 0);
		assert_string_equal(s.ollama_host, ollama[i][1]);
	}
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		err_clear(&e);
		if (settings_set(&s, "ollama_host", bad[i], "OLLAMA_HOST", &e) != E_INVALID)
			fail_msg("%s was taken as %s", bad[i], s.ollama_host);
		assert_string_equal(e.msg, "OLLAMA_HOST: must be a host, host:port or URL");
	}
	err_clear(&e);
	assert_int_equal(settings_set(&s, "openai_base_url", "api.example.org", "x", &e), E_INVALID);
	assert_int_equal(settings_set(&s, "openai_base_url", "https://api.example.org/v1/", "x", &e), 0);
	assert_string_equal(s.openai_base_url, "https://api.example.org/v1");
	settings_done(&s);
}

/* ---- providers of the file ---- */

static void test_providers(void **state)
{
	const struct settings_provider *all;
	struct settings s;
	struct err e = {0};
	char line[128], rest[128];
	size_t n;

	(void)state;
	write_conf("provider.lab.url = http://10.0.0.1/v1\n workers = 3\n"
		   "provider.lab-2.kind=anthropic\nprovider.lab.kind = openai\n"
		   "provider.lab.key = sk = with = signs\nprovider.lab.token_timeout_ms = 5\n"
		   "provider.lab-2.enabled = off\nprovider.lab.kind = ollama\n");
	snprintf(line, sizeof(line), "--data %s", folder);
	assert_int_equal(load(&s, line, rest, &e), 0);
	all = settings_providers(&s, &n);
	assert_int_equal(n, 2);
	assert_string_equal(all[0].name, "lab");
	assert_string_equal(all[0].kind, "ollama"); /* the last line wins, as for all settings */
	assert_string_equal(all[0].url, "http://10.0.0.1/v1");
	assert_string_equal(all[0].key, "sk = with = signs");
	assert_string_equal(all[0].version, "");
	assert_string_equal(all[0].origin, "atelier.conf:8");
	assert_int_equal(all[0].token_timeout_ms, 5);
	assert_int_equal(all[0].total_timeout_ms, 0);
	assert_true(all[0].enabled);
	assert_string_equal(all[1].name, "lab-2");
	assert_string_equal(all[1].origin, "atelier.conf:3");
	assert_false(all[1].enabled);
	assert_int_equal(s.workers, 3);
	settings_done(&s);
}

static void test_bad_providers(void **state)
{
	static const char *const bad[][2] = {
		{"provider.x.url = http://a\n", "atelier.conf:1: a line \"provider.x.kind = ...\" is missing."},
		{"\nprovider.x = openai\n", "atelier.conf:2: must be \"provider.NAME.FIELD = value\"."},
		{"provider..kind = openai\n", "atelier.conf:1: the name of a provider has 1 to 32 characters"},
		{"provider.X.kind = openai\n", "atelier.conf:1: the name of a provider has 1 to 32 characters"},
		{"provider.a_b.kind = openai\n", "atelier.conf:1: the name of a provider has 1 to 32 characters"},
		{"provider.abcdefghijklmnopqrstuvwxyz1234567.kind = openai\n", "atelier.conf:1: the name"},
		{"provider.x.kind = openai\nprovider.x.kye = sk-secret\n",
			"atelier.conf:2: a provider has no \"kye\"."},
		{"provider.x.max_concurrent = -1\n", "atelier.conf:1: must be a whole number from 0 to 100000."},
		{"provider.x.enabled = maybe\n", "atelier.conf:1: must be true or false."},
		{"provider.x.key = sk-\x01secret\n", "atelier.conf:1: must not contain control characters."},
	};
	char line[128], rest[128];

	(void)state;
	snprintf(line, sizeof(line), "--data %s", folder);
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct settings s;
		struct err e = {0};

		write_conf(bad[i][0]);
		assert_int_equal(load(&s, line, rest, &e), E_INVALID);
		if (!strstr(e.msg, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], e.msg);
		assert_null(strstr(e.msg, "secret"));
		settings_done(&s);
	}
	write_conf("");
}

static void test_misspelt_variables(void **state UNUSED)
{
	struct settings_variable v = {.next = 0};

	setenv("ATELIER_LISTEN", "127.0.0.1:1", 1);
	setenv("ATELIER_CONFIG", "", 1);
	setenv("ATELIER_SERVER_KEY", "k", 1);
	setenv("ATELIER_PORT_8080_TCP_ADDR", "10.0.0.1", 1); /* told by whoever runs containers */
	setenv("ATELIER", "x", 1);
	assert_false(settings_misspelt(&v));
	setenv("ATELIER_LSITEN", "127.0.0.1:2", 1);
	setenv("ATELIER_MAX_TURN", "3", 1);
	v = (struct settings_variable){.next = 0};
	int seen = 0;
	while (settings_misspelt(&v)) {
		bool listen = strcmp(v.name, "ATELIER_LSITEN") == 0;

		assert_string_equal(v.name, listen ? "ATELIER_LSITEN" : "ATELIER_MAX_TURN");
		assert_string_equal(v.meant, listen ? "ATELIER_LISTEN" : "ATELIER_MAX_TURNS");
		seen += listen ? 1 : 10;
	}
	assert_int_equal(seen, 11);
	unsetenv("ATELIER_LSITEN");
	unsetenv("ATELIER_MAX_TURN");
	unsetenv("ATELIER_SERVER_KEY");
	unsetenv("ATELIER_PORT_8080_TCP_ADDR");
	unsetenv("ATELIER");
	clear_environment();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_several_addresses),
		cmocka_unit_test(test_secrets_are_no_flags),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_empty_variables),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_providers),
		cmocka_unit_test(test_bad_providers),
		cmocka_unit_test(test_misspelt_variables),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
