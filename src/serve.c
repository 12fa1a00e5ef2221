/*
 * serve.c - the steps of starting and stopping the server; their order stands in main.c. Each step makes its parts or
 * fails with a sentence, and program_stop takes down whatever is there, in the opposite order. What needs the loop
 * ends while it runs; what the loop may still touch is freed when it has ended.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "api/configure.h"
#include "base/clock.h"
#include "base/log.h"
#include "program.h"
#include "rag/rag.h"
#include "store/copy.h"
#include "store/meta.h"
#include "store/store.h"
#include "sys/fault.h"
#include "sys/health.h"
#include "sys/logger.h"
#include "sys/notify.h"
#include "sys/thread.h"
#include "tool/tool.h"

#define STOP_SECONDS     5 /* then the program ends whatever still runs; nothing stored depends on it */
#define ANNOUNCE_MS      1000
#define DATABASE_WAIT_MS 60000
#define FOUND_DEFAULT    "found_default"
#define UNKNOWN_BODIES   ((size_t)4 << 20) /* bytes that all who show no key or session may send at a time */
#define FEW_CONNECTIONS  1024              /* what a limit of open files leaves is worth a word below this */

void memory_hide(const struct settings *s)
{
#ifndef ATELIER_FAULTS /* test builds look for leaks, which takes a debugger's rights */
	if (s->core_dumps)
		return;
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	(void)prctl(PR_SET_DUMPABLE, 0);
#else
	(void)s;
#endif
}

static char *join(const char *folder, const char *name)
{
	struct buf b = BUF_INIT(8192);

	buf_printf(&b, "%s/%s", folder, name);
	char *path = buf_take(&b);
	if (!path)
		abort();
	return path;
}

void program_init(struct program *p, const struct settings *s)
{
	*p = (struct program){.settings = s, .lock = {-1, -1}};
	p->journal_path = join(s->data, "journal");
	p->key_path = join(s->data, "master.key");
}

void limits_raise(void)
{
	struct rlimit files;

	/* Every connection is a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	(void)memory_reserve();
	threads_expect_many();
#ifdef M_ARENA_MAX
	/* Many threads that mostly sleep: an allocation arena for each would hold memory for nothing. */
	mallopt(M_ARENA_MAX, 2);
	/* What is large is mapped, and goes back to the system when it is freed. Left alone, the bound rises with what is freed. */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}

int folder_open(struct program *p, struct err *e)
{
	const char *path = p->settings->data;
	int r = folder_make(path, e);

	if (r == 0)
		r = folder_close(path, e);
	if (r == 0)
		r = folder_lock(path, &p->lock, e);
	return r < 0 ? r : database_check(p->settings, e);
}

/* The api is made later; connections are answered only once the loop runs. */
static void handle(struct http_exchange *x, void *arg)
{
	struct program *p = arg;

	ASSERT(p->api);
	api_handler(x, p->api);
}

/* Who stands in front of everybody is many clients. */
static bool is_proxy(const char *peer, void *arg)
{
	const struct program *p = arg;

	return auth_is_proxy(p->settings, peer);
}

/* Of all bodies at a time: some of the largest, and a little for those who are still nobody. */
static size_t body_budget(const struct settings *s)
{
	return 8 * (size_t)(s->gateway ? MAX(s->max_body_bytes, s->gateway_max_body_bytes) : s->max_body_bytes);
}

/* Half of the descriptors: a stream may need a second one, towards its provider. */
static unsigned connections_allowed(const struct settings *s)
{
	unsigned wanted = (unsigned)s->max_connections, half;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur / 2 >= wanted)
		return wanted;
	half = (unsigned)files.rlim_cur / 2;
	if (half < FEW_CONNECTIONS)
		log_warn("main", "only %u connections are taken at a time: the limit of open files (ulimit -n) is %u",
			half, (unsigned)files.rlim_cur);
	return half;
}

static int certificate_open(struct program *p, struct err *e)
{
	const struct settings *s = p->settings;

	if (!*s->tls_cert != !*s->tls_key)
		return err_set(e, E_INVALID, "tls_cert and tls_key belong together, and %s is missing.",
			*s->tls_cert ? "tls_key" : "tls_cert");
	return *s->tls_cert ? tls_new(s->tls_cert, s->tls_key, &p->tls, e) : 0;
}

void certificate_check(struct program *p)
{
	struct tls_state state;

	if (!p->tls || __atomic_load_n(&p->tls_refused, __ATOMIC_RELAXED))
		return; /* then that stands in /health */
	tls_state(p->tls, &state);
	health_set(HEALTH_certificate, state.warning);
}

int server_bind(struct program *p, struct err *e)
{
	const struct settings *s = p->settings;
	int r;

	ASSERT(p->lock.folder_fd >= 0 && !p->loop); /* nobody else serves from it */
	r = certificate_open(p, e);
	if (r == 0)
		r = listeners_open(&p->listeners,
			&(struct listen_config){.words = s->listen,
				.standard = strcmp(settings_origin(s, "listen"), "default") == 0,
				.tls = p->tls,
				.unix_mode = (unsigned)strtoul(s->unix_mode, NULL, 8)},
			e);
	if (r < 0)
		return r;
	p->loop = loop_new();
	return http_server_new(p->loop,
		&(struct http_server_config){.listeners = p->listeners.items,
			.n_listeners = p->listeners.n,
			.max_header_bytes = (size_t)s->max_header_bytes,
			.max_connections = connections_allowed(s),
			.max_connections_per_address = (unsigned)s->max_connections_per_address,
			.is_proxy = is_proxy,
			.body_budget = body_budget(s),
			.body_budget_unknown = UNKNOWN_BODIES,
			.on_head = handle,
			.arg = p},
		&p->server, e);
}

/* Whether the wait was cut short by a signal that ends the program. */
static bool stopped_within(int seconds)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return sigtimedwait(&set, NULL, &(struct timespec){.tv_sec = seconds}) > 0;
}

/* A PostgreSQL that is being started beside this server, or a standby that is about to take over, is waited for. Service managers
 * take a start that lasts longer for one that has failed. */
static int connect_patiently(struct program *p, struct err *e)
{
	const struct db_config how = {.readers = (unsigned)p->settings->db_readers, .exclusive = true};
	int64_t until = clock_mono_ms() + DATABASE_WAIT_MS;
	bool told = false;

	ASSERT(!p->db && p->lock.folder_fd >= 0);
	for (;;) {
		struct err mine = {0};
		int r = database_connect(p->settings, &how, &p->db, &mine);

		if (r != E_BUSY || database_is_file(p->settings) || clock_mono_ms() >= until)
			return r < 0 ? err_set(e, r, "%s", mine.msg) : 0;
		if (!told)
			log_warn("main", "waiting for the database, for a minute at most: %s", mine.msg);
		told = true;
		if (stopped_within(1))
			return err_set(e, E_STOPPING, "Stopped while waiting for the database. %s", mine.msg);
	}
}

int database_open(struct program *p, struct err *e)
{
	int r = connect_patiently(p, e);

	if (r == 0)
		health_set(HEALTH_database_log, db_lost(p->db, &p->lost_until_s));
	if (r == 0)
		r = copy_is_whole(p->db, e);
	return r < 0 ? r : auth_new(p->db, p->settings, p->key_path, &p->auth, e);
}

/* A default that cannot be stored now is found again after the next start. */
static void keep_default(void *arg, const char *model)
{
	struct program *p = arg;
	struct err e = {0};

	ASSERT(thread_may_wait() && model);
	if (meta_set(p->db, FOUND_DEFAULT, model, &e) < 0)
		log_warn("provider", "the default model cannot be stored: %s", e.msg);
}

static int read_default(struct program *p, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(p->db);

	return meta_get(c, FOUND_DEFAULT, a, ret, e);
}

int providers_open(struct program *p, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const char *found = NULL;
	int r = http_client_new(p->loop, &p->http);

	ASSERT(p->db && p->auth && !p->bus);
	p->bus = bus_new();
	arena_init(&a, 8192);
	if (r < 0)
		return err_set(e, r, "The client for providers does not start: %s.", strerror(-r));
	if ((r = read_default(p, &a, &found, e)) < 0)
		return r;
	r = providers_new(&(struct providers_config){.settings = p->settings,
				  .loop = p->loop,
				  .http = p->http,
				  .found_default = found,
				  .keep_default = keep_default,
				  .keep_arg = p,
				  .bus = p->bus},
		&p->providers, e);
	if (r < 0)
		return r;
	librarian_set_manual(p->providers, manual_search_db, p->db);
	const struct configure stored = {.settings = p->settings, .db = p->db, .vault = auth_vault(p->auth)};
	r = configure_bind_keys(&stored, e);
	return r < 0 ? r : configure_start(p->providers, &stored, e);
}

int interface_open(struct program *p, struct err *e)
{
	int r = calls_new(
		&(struct calls_config){.settings = p->settings, .db = p->db, .providers = p->providers, .bus = p->bus},
		&p->calls, e);

	ASSERT(p->providers && !p->api && !p->loop_runs);
	if (r < 0)
		return r;
	r = rag_new(&(struct rag_config){.settings = p->settings,
			    .db = p->db,
			    .calls = p->calls,
			    .providers = p->providers,
			    .http = p->http,
			    .vault = auth_vault(p->auth)},
		&p->rag, e);
	if (r < 0)
		return r;
	r = tools_new(&(struct tools_config){.settings = p->settings,
			      .db = p->db,
			      .loop = p->loop,
			      .http = p->http,
			      .calls = p->calls,
			      .rag = p->rag,
			      .bus = p->bus,
			      .vault = auth_vault(p->auth),
			      .folder = p->settings->data},
		&p->tools, e);
	if (r < 0)
		return r;
	r = turns_new(&(struct turns_config){.settings = p->settings,
			      .loop = p->loop,
			      .db = p->db,
			      .providers = p->providers,
			      .calls = p->calls,
			      .rag = p->rag,
			      .tools = p->tools,
			      .journal_dir = p->journal_path,
			      .bus = p->bus,
			      .keeps_journal_until_s = p->lost_until_s},
		&p->turns, e);
	if (r == 0)
		r = jobs_new(&(struct jobs_config){.settings = p->settings,
				     .loop = p->loop,
				     .db = p->db,
				     .providers = p->providers,
				     .rag = p->rag,
				     .bus = p->bus},
			&p->jobs, e);
	if (r < 0)
		return r;
	return api_new(&(struct api_config){.settings = p->settings,
			       .loop = p->loop,
			       .db = p->db,
			       .auth = p->auth,
			       .providers = p->providers,
			       .calls = p->calls,
			       .turns = p->turns,
			       .rag = p->rag,
			       .tools = p->tools,
			       .jobs = p->jobs,
			       .bus = p->bus,
			       .http = p->http},
		&p->api, e);
}

static void *run_loop(void *arg)
{
	pthread_setname_np(pthread_self(), "loop");
	thread_loop_begin();
	loop_run(arg);
	thread_loop_end();
	return NULL;
}

int loop_start(struct program *p, struct err *e)
{
	/* First of all: who asks for a model before it is known waits for those who are looking. */
	int r = providers_start(p->providers, e);

	ASSERT(p->api && p->server && !p->loop_runs); /* connections that wait are answered from here on */
	if (r < 0)
		return r;
	r = pthread_create(&p->loop_thread, NULL, run_loop, p->loop);
	if (r != 0)
		return err_set(e, -r, "The loop's thread does not start: %s.", strerror(r));
	p->loop_runs = true;
	return 0;
}

int background_start(struct program *p, struct err *e)
{
	int r = api_watch(p->api, e);

	ASSERT(p->loop_runs && !p->maintenance);
	if (r == 0)
		r = maintenance_start(p, e);
	if (r == 0)
		r = rag_start(p->rag, e);
	if (r == 0)
		r = jobs_start(p->jobs, e);
	if (r == 0)
		api_started(p->api);
	return r;
}

/* Where a browser on this machine finds us; a unix socket by its path. */
static void listener_url(const struct listener *l, struct buf *b)
{
	const char *colon = strrchr(l->address, ':');
	struct str host;

	if (!l->port) {
		buf_add_str(b, l->address);
		return;
	}
	ASSERT(colon); /* what has a port says it */
	host = (struct str){l->address, (size_t)(colon - l->address)};
	if (str_eq(host, STR("0.0.0.0")))
		host = STR("127.0.0.1");
	else if (str_eq(host, STR("[::]")))
		host = STR("[::1]");
	buf_printf(b, "%s://" STR_FMT ":%u", l->tls ? "https" : "http", STR_ARG(host), l->port);
}

/* The one that people are told first: with a port, if there is one. */
static const struct listener *main_listener(const struct program *p)
{
	ASSERT(p->listeners.n > 0);
	for (size_t i = 0; i < p->listeners.n; i++) {
		if (p->listeners.items[i].port)
			return &p->listeners.items[i];
	}
	return &p->listeners.items[0];
}

/* Whoever reaches the port then calls models in this user's name. */
static void warn_if_open(const struct settings *s)
{
	if (s->gateway && *s->gateway_open_user)
		log_warn("main", "other programs need no API key: they have the rights of %s (gateway_open_user)",
			s->gateway_open_user);
}

static void announce_setup(const struct program *p, const struct listener *first, const char *code, struct buf *out)
{
	const char *public_url = p->settings->public_url;
	size_t n = strlen(public_url);

	while (n && public_url[n - 1] == '/')
		n--;
	buf_add_str(out, "There is no administrator yet. Open this link to make one:\n");
	if (n)
		buf_add(out, public_url, n);
	else if (first->port)
		listener_url(first, out);
	else
		buf_add_str(out, "http://localhost");
	buf_printf(out, "/#/setup/%s\n", code);
}

void announce(struct program *p)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(65536);
	const struct listener *first = main_listener(p);
	const char *code = auth_setup_code(p->auth);

	ASSERT(p->loop_runs); /* whoever reads it may come at once */
	warn_if_open(p->settings);
	if (settings_open_file(p->settings))
		log_warn("main", "others on this machine may read %s, in which keys stand; chmod 600 closes it",
			settings_open_file(p->settings));
	for (struct settings_variable v = {.next = 0}; settings_misspelt(&v);)
		log_warn("main", "the variable %s is no setting, and does nothing; did you mean %s?", v.name, v.meant);
	certificate_check(p);
	buf_add_str(&out, "Atelier " ATELIER_VERSION " is ready at ");
	listener_url(first, &out);
	for (size_t i = 0; i < p->listeners.n; i++) {
		if (&p->listeners.items[i] == first)
			continue;
		buf_add_str(&out, "\n  and at ");
		listener_url(&p->listeners.items[i], &out);
	}
	buf_add_char(&out, '\n');
	if (code)
		announce_setup(p, first, code, &out);
	/* It may be a pipe that nobody reads, and signals are to be waited for. */
	(void)write_for(STDOUT_FILENO, out.p, out.n, ANNOUNCE_MS);
	notify_service("READY=1");
	fault_serving();
}

/* ---- signals: blocked in every thread, waited for by the main one ---- */

static void our_signals(sigset_t *set)
{
	static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

	sigemptyset(set);
	for (size_t i = 0; i < N_ELEMENTS(ours); i++)
		sigaddset(set, ours[i]);
}

void signals_block(void)
{
	sigset_t set;

	our_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void end_now(int sig)
{
	static const char late[] = "atelier: stopping took too long, what still ran is cut off\n";

	if (sig == SIGALRM)
		(void)!write(STDERR_FILENO, late, sizeof(late) - 1);
#ifdef ATELIER_FAULTS
	if (sig == SIGALRM)
		abort(); /* a sanitizer shows what the main thread waited for */
#endif
	_exit(sig == SIGALRM ? EXIT_FAILURE : EXIT_INTERRUPT);
}

/* A closed terminal sends SIGHUP too, and so do tools that believe that every program has a log of its own. */
static void reload(struct program *p)
{
	struct tls_state state;
	struct err e = {0};
	char until[25], text[400];
	int r;

	if (!p->tls) {
		log_info("main", "SIGHUP: there is nothing to load anew");
		return;
	}
	r = tls_reload(p->tls, &e);
	__atomic_store_n(&p->tls_refused, r < 0, __ATOMIC_RELAXED);
	if (r < 0) {
		snprintf(text, sizeof(text), "SIGHUP: the certificate in use stays. %s", e.msg);
		health_set(HEALTH_certificate, NULL); /* so that the log has a word about it each time */
		health_set(HEALTH_certificate, text);
		return;
	}
	tls_state(p->tls, &state);
	clock_format(state.expires_ms, until);
	health_set(HEALTH_certificate, NULL);
	certificate_check(p);
	log_info("main", "SIGHUP: the certificate was loaded anew (%s, until %.10s)", state.names, until);
}

void signals_wait(struct program *p)
{
	sigset_t set;
	int sig;

	ASSERT(thread_may_wait() && p->loop_runs);
	our_signals(&set);
	for (;;) {
		if (sigwait(&set, &sig) != 0)
			continue;
		if (sig == SIGTERM || sig == SIGINT)
			break;
		if (sig == SIGHUP)
			reload(p);
		else
			log_info("main", "%s means nothing here", sig == SIGUSR1 ? "SIGUSR1" : "SIGUSR2");
	}
	notify_service("STOPPING=1");
	log_info("main", "stopping (%s)", sig == SIGTERM ? "SIGTERM" : "SIGINT");
	signal(SIGTERM, end_now);
	signal(SIGINT, end_now);
	signal(SIGALRM, end_now);
	sigdelset(&set, SIGHUP);
	sigdelset(&set, SIGUSR1);
	sigdelset(&set, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	alarm(STOP_SECONDS);
}

/* ---- the end ---- */

static int stop_accepting(void *arg)
{
	http_server_stop_accepting(arg);
	return 0;
}

/* While the loop still runs: no new work, the turns store what they have, requests at work end. */
static void stop_working(struct program *p)
{
	if (!p->loop_runs)
		return;
	db_hurry(p->db); /* what is waited for below, twice or more, must end before the alarm */
	api_refuse(p->api);
	(void)loop_call(p->loop, stop_accepting, p->server);
	listeners_close(&p->listeners); /* new connections are refused from here on */
	turns_stop(p->turns);
	tools_stop(p->tools);
	jobs_stop(p->jobs);
	api_stop(p->api);
	maintenance_stop(p);
	rag_stop(p->rag);
	tools_free(p->tools); /* connections to their servers are ended by the loop */
	p->tools = NULL;
	providers_free(p->providers);
	p->providers = NULL;
	loop_stop(p->loop);
	pthread_join(p->loop_thread, NULL);
	p->loop_runs = false;
}

void program_stop(struct program *p)
{
	stop_working(p);
	ASSERT(!p->loop_runs && !p->maintenance); /* no thread of theirs is left to what is freed now */
	if (p->server)
		http_server_free(p->server);
	listeners_close(&p->listeners);
	tls_free(p->tls);
	if (p->turns)
		turns_free(p->turns);
	jobs_free(p->jobs);
	api_free(p->api);
	tools_free(p->tools);
	rag_free(p->rag);
	if (p->providers)
		providers_free(p->providers);
	if (p->http)
		http_client_free(p->http);
	calls_free(p->calls);
	bus_free(p->bus);
	auth_free(p->auth);
	db_close(p->db);
	if (p->loop)
		loop_free(p->loop);
	folder_unlock(&p->lock);
	free(p->journal_path);
	free(p->key_path);
	logger_stop();
	alarm(0);
}
