/* load_relay.c - starts and ends what stands between provider and clients, and reads its accounts from /proc. */
#include "load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_SECONDS 90 /* LiteLLM takes its time */

const char *const path_names[ALL_PATHS] = {"direct", "nginx", "atelier", "litellm", "portkey"};
bool relay_gateway;
const char bench_login[] = "{\"username\":\"bench\",\"password\":\"correct horse battery\"}";

static const char *program[ALL_PATHS];

void relay_program(enum path path, const char *p)
{
	program[path] = p;
}

bool relay_has(enum path path)
{
	return path == DIRECT || program[path];
}

static const struct page_file *page_files;
static unsigned n_page_files;

void relay_page(const struct page_file *files, unsigned n)
{
	page_files = files;
	n_page_files = n;
}

/* The relay has the first core for itself, this program the last one; with one core they share it. */
void pin_to(bool relay)
{
	cpu_set_t cpus;
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	CPU_ZERO(&cpus);
	CPU_SET(relay || n < 2 ? 0 : (size_t)n - 1, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int free_port(void)
{
	int port, fd = socket_listen(&port);

	close(fd);
	return port;
}

static void write_bytes(const char *dir, const char *name, const char *p, size_t n)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		die("%s: %s", path, strerror(errno));
}

static void write_file(const char *dir, const char *name, const char *text)
{
	write_bytes(dir, name, text, strlen(text));
}

static void write_page(const char *www)
{
	char assets[160];

	snprintf(assets, sizeof(assets), "%s/assets", www);
	if (mkdir(assets, 0755) < 0)
		die("%s: %s", assets, strerror(errno));
	for (unsigned i = 0; i < n_page_files; i++) {
		const struct page_file *f = &page_files[i];
		write_bytes(www, strcmp(f->path, "/") == 0 ? "index.html" : f->path + 1, f->bytes.p, f->bytes.n);
	}
}

static void write_nginx(const struct relay *r)
{
	struct bytes b = {0};
	char www[128];

	snprintf(www, sizeof(www), "%s/www", r->dir);
	if (mkdir(www, 0755) < 0)
		die("%s: %s", www, strerror(errno));
	/* About the size of a page of 50 conversations: what `requests` compares a list with. */
	for (int i = 0; i < 12000; i++)
		bytes_add(&b, "x", 1);
	write_file(www, "index.html", b.p);
	bytes_cut(&b, b.n);
	if (page_files)
		write_page(www);
	bytes_addf(&b,
		"daemon off;\nworker_processes 1;\nworker_rlimit_nofile 20000;\n%spid %s/nginx.pid;\n"
		"error_log %s/error.log error;\nevents { worker_connections 20000; }\nhttp {\n access_log off;\n",
		geteuid() == 0 ? "user root;\n" : "", r->dir, r->dir);
	for (int i = 0; i < 5; i++)
		bytes_addf(&b, " %s_temp_path %s/tmp%d;\n",
			(const char *const[]){"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}[i], r->dir, i);
	bytes_addf(&b,
		" tcp_nodelay on; keepalive_timeout 600s; keepalive_requests 1000000; client_max_body_size 16m;\n"
		" upstream provider { server 127.0.0.1:%d; keepalive 512; keepalive_requests 1000000; }\n"
		" server {\n  listen 127.0.0.1:%d backlog=4096;\n  root %s/www;\n%s"
		"  location %s {\n   proxy_pass http://provider;\n   proxy_http_version 1.1;\n"
		"   proxy_set_header Connection \"\";\n   proxy_buffering off;\n   proxy_read_timeout 600s;\n  }\n "
		"}\n}\n",
		provider_port(), r->port, r->dir, page_files ? "  add_header Content-Encoding br;\n" : "",
		relay_gateway ? "/v1/" : "/api/");
	write_file(r->dir, "nginx.conf", b.p);
	bytes_free(&b);
}

static void set_atelier(const struct relay *r)
{
	char text[64];

	setenv("ATELIER_DATA", r->dir, 1);
	snprintf(text, sizeof(text), "127.0.0.1:%d", r->port);
	setenv("ATELIER_LISTEN", text, 1);
	snprintf(text, sizeof(text), "http://127.0.0.1:%d%s", provider_port(), relay_gateway ? "/v1" : "");
	setenv("OLLAMA_HOST", relay_gateway ? "" : text, 1);
	setenv("OPENAI_BASE_URL", relay_gateway ? text : "", 1);
	setenv("OPENAI_API_KEY", relay_gateway ? "sk-bench" : "", 1);
	setenv("ANTHROPIC_API_KEY", "", 1);
	setenv("ATELIER_MAX_TURNS", "20000", 1);
	setenv("ATELIER_MAX_TURNS_PER_USER", "20000", 1);
	setenv("ATELIER_RATE_PER_MINUTE", "10000000", 1);
	setenv("ATELIER_LOGIN_ATTEMPTS", "1000", 1);
	setenv("ATELIER_MAX_ANSWER_TOKENS", "0", 1);
	setenv("ATELIER_MAX_ANSWER_BYTES", "67108864", 1);
	setenv("ATELIER_AUTO_TITLE", "false", 1);
	setenv("ATELIER_LOG_LEVEL", "warn", 1);
}

/* One worker, no database, no log of each call: the leanest it can be. */
static void write_litellm(const struct relay *r)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"model_list:\n- model_name: " MODEL "\n  litellm_params:\n    model: openai/" MODEL
		"\n    api_base: http://127.0.0.1:%d/v1\n    api_key: sk-bench\n"
		"litellm_settings:\n  telemetry: false\n  set_verbose: false\ngeneral_settings:\n  master_key: %s\n",
		provider_port(), r->token);
	write_file(r->dir, "litellm.yaml", text);
	setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True", 1);
	setenv("LITELLM_LOG", "ERROR", 1);
}

static void header_portkey(void)
{
	static char text[200];

	snprintf(text, sizeof(text), "x-portkey-provider: openai\r\nx-portkey-custom-host: http://127.0.0.1:%d/v1\r\n",
		provider_port());
	client_header = text;
}

static pid_t launch(const struct relay *r, int in, const char *const argv[])
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (in >= 0)
		dup2(in, 0);
	char log[128];
	snprintf(log, sizeof(log), "%s.log", r->dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int null = open("/dev/null", O_WRONLY);
	/* The others tell their start there, which is no fault. */
	if (fd < 0 || null < 0 || dup2(null, 1) < 0 || dup2(r->path < PATHS ? fd : null, 2) < 0)
		_exit(126);
	pin_to(true);
	if (r->path == ATELIER)
		set_atelier(r);
	execv(argv[0], (char *const *)argv);
	_exit(127);
}

/* Makes the bench user, the password on standard input. */
static void add_user(const struct relay *r)
{
	const char *argv[] = {program[ATELIER], "user", "add", "bench", "--role", "admin", NULL};
	int fds[2], status = 0;

	if (pipe2(fds, O_CLOEXEC) < 0 || write(fds[1], "correct horse battery\n", 22) != 22)
		die("pipe: %s", strerror(errno));
	close(fds[1]);
	pid_t pid = launch(r, fds[0], argv);
	close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("`%s user add` failed; see %s.log", program[ATELIER], r->dir);
}

/* Asks for the first page until it is answered: a plain blocking client, so that a start is measured alone. */
static bool first_page(const struct relay *r)
{
	static const char request[] =
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
	struct timeval limit = {.tv_sec = 5};
	char text[16384];
	ssize_t n = -1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
		send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1)
		n = recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	return n > 12 && !memcmp(text, "HTTP/1.1", 8);
}

static void run_program(struct relay *r)
{
	char conf[128], port[40];

	snprintf(conf, sizeof(conf), "%s/%s", r->dir, r->path == NGINX ? "nginx.conf" : "litellm.yaml");
	snprintf(port, sizeof(port), r->path == PORTKEY ? "--port=%d" : "%d", r->port);
	const char *const nginx[] = {program[NGINX], "-p", r->dir, "-c", conf, NULL};
	const char *const atelier[] = {program[ATELIER], "serve", NULL};
	const char *const litellm[] = {program[LITELLM], "--config", conf, "--host", "127.0.0.1", "--port", port, NULL};
	const char *const portkey[] = {"/usr/bin/env", "node", program[PORTKEY], port, "--headless", NULL};
	const char *const *const argv[ALL_PATHS] = {NULL, nginx, atelier, litellm, portkey};
	r->pid = launch(r, -1, (const char **)argv[r->path]);
}

/* Without the programs that are only compared with, the rest goes on. */
static bool not_started(struct relay *r)
{
	if (r->path < PATHS)
		die("%s did not start; see %s.log", path_names[r->path], r->dir);
	program[r->path] = NULL;
	relay_stop(r);
	return false;
}

bool relay_start(struct relay *r, enum path path)
{
	struct timespec pause = {.tv_nsec = 200000};

	*r = (struct relay){.path = path, .port = provider_port()};
	if (path == DIRECT)
		return true;
	const char *base = getenv("TMPDIR");
	snprintf(r->dir, sizeof(r->dir), "%.40s/bench-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(r->dir))
		die("%s: %s", r->dir, strerror(errno));
	r->port = free_port();
	if (path >= PATHS) /* of the length that LiteLLM asks for */
		snprintf(r->token, sizeof(r->token), "sk-5d41402abc4b2a76b9719d911017c592");
	if (path == NGINX)
		write_nginx(r);
	else if (path == ATELIER)
		add_user(r);
	else if (path == LITELLM)
		write_litellm(r);
	else
		header_portkey();
	uint64_t began = now_ns();
	run_program(r);
	while (!first_page(r)) {
		if (waitpid(r->pid, NULL, WNOHANG) == r->pid || now_ns() - began > START_SECONDS * NS_PER_S)
			return not_started(r);
		nanosleep(&pause, NULL);
	}
	r->start_ms = (double)(now_ns() - began) / 1e6;
	return true;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *f)
{
	(void)s, (void)kind, (void)f;
	return remove(path);
}

void relay_stop(struct relay *r)
{
	struct timespec pause = {.tv_nsec = 10000000};
	char log[128];
	struct stat s;

	client_header = NULL;
	if (r->path == DIRECT)
		return;
	kill(r->pid, SIGTERM);
	for (int i = 0; waitpid(r->pid, NULL, WNOHANG) == 0; i++) {
		nanosleep(&pause, NULL);
		if (i == 1000) {
			fprintf(stderr, "load: %s did not end within 10 s\n", path_names[r->path]);
			kill(r->pid, SIGKILL);
		}
	}
	nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(log, sizeof(log), "%s.log", r->dir);
	if (stat(log, &s) == 0 && s.st_size == 0)
		unlink(log);
	else
		fprintf(stderr, "load: %s wrote to %s\n", path_names[r->path], log);
}

/* The value of a line of a file in /proc that begins so; 0: there is none. */
static double proc_value(const char *path, const char *key)
{
	char line[256];
	double v = 0;
	FILE *f = fopen(path, "re");

	while (f && v == 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtod(line + strlen(key), NULL);
	if (f)
		fclose(f);
	return v;
}

static void add_sleeps(pid_t pid, struct usage *u)
{
	char path[300];
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid, e->d_name);
		if (e->d_name[0] != '.')
			u->sleeps += proc_value(path, "voluntary_ctxt_switches:");
	}
	if (d)
		closedir(d);
}

/* Adds what one process took. False when it is not the relay or a child of it. */
static void add_process(const struct relay *r, pid_t pid, struct usage *u)
{
	char path[64], text[4096];
	struct timespec used;
	clockid_t clock;
	long parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	const char *at = strrchr(text, ')'); /* the name before it may hold anything */
	if (!at || sscanf(at + 1, " %*c %ld", &parent) != 1 || (pid != r->pid && parent != r->pid))
		return;
	if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0)
		u->cpu_us += (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	u->rss_kb += proc_value(path, "VmRSS:");
	u->own_kb += proc_value(path, "RssAnon:");
	add_sleeps(pid, u);
}

struct usage relay_usage(const struct relay *r)
{
	struct usage u = {0};
	struct dirent *e;

	if (r->path == DIRECT)
		return u;
	DIR *d = opendir("/proc");
	while (d && (e = readdir(d))) {
		long pid = strtol(e->d_name, NULL, 10);

		if (pid > 0)
			add_process(r, (pid_t)pid, &u);
	}
	if (d)
		closedir(d);
	return u;
}
