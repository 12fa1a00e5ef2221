/*
 * python.c - Python in the sandbox, without network, in a folder of its own: the files of the conversation are copied in, and what is
 * new or has changed is copied out, so that nothing that a program does there reaches further.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/utf8.h"
#include "tool/gate.h"
#include "tool/python.h"
#include "tool/workspace.h"

#define PYTHON  "/usr/bin/python3"
#define WALL_MS 60000
#define NOBODY  65534

/* What comes last is shown, as in a notebook; errors stand in their place among the rest. */
static const char prelude[] =
	"import sys,ast\n"
	"sys.stderr=sys.stdout\n"
	"def _run():\n"
	" code=sys.stdin.read()\n"
	" import linecache\n"
	" linecache.cache['script']=(len(code),None,code.splitlines(True),'script')\n"
	" g={'__name__':'__main__'}\n"
	" tree=ast.parse(code,'script')\n"
	" last=ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1],ast.Expr) else None\n"
	" exec(compile(tree,'script','exec'),g)\n"
	" if last is not None:\n"
	"  v=eval(compile(last,'script','eval'),g)\n"
	"  if v is not None: print(repr(v))\n"
	"_run()\n";

bool python_available(const struct tools *t UNUSED)
{
	return access(PYTHON, X_OK) == 0 && sandbox_walls() >= SANDBOX_NAMESPACES;
}

/* ---- a folder for one run ---- */

struct room {
	char path[64];
	int fd, work; /* the folder, and that of the conversation; -1: none */
	struct workspace_list before;
};

static int remove_one(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static void room_done(struct room *m)
{
	closep(&m->fd);
	closep(&m->work);
	if (*m->path)
		(void)nftw(m->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int copy(int from, int to, const char *name, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(WORKSPACE_FILE_MAX);
	int r = workspace_read(from, name, &b, e);

	return r < 0 ? r : workspace_write(to, name, b.p, b.n, e);
}

static int give_away(const char *path, const struct stat *st UNUSED, int flag UNUSED, struct FTW *at UNUSED)
{
	return lchown(path, NOBODY, NOBODY);
}

static int room_make(struct builtin_call *c, bool keeps, struct room *m, struct err *e)
{
	struct workspace_list l = {.n = 0};
	int r = 0;

	snprintf(m->path, sizeof(m->path), "/tmp/atelier-python-XXXXXX");
	if (!mkdtemp(m->path)) {
		*m->path = '\0';
		return err_set(e, -errno, "There is no folder for Python.");
	}
	m->fd = open(m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->fd < 0)
		return err_set(e, -errno, "There is no folder for Python.");
	if (keeps && c->run->conversation_id)
		r = workspace_open(c->tools->config.folder, c->run->conversation_id, &m->work, e);
	if (r == 0 && m->work >= 0)
		r = workspace_list(m->work, c->mem, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = copy(m->work, m->fd, l.items[i].name, e);
	if (r == 0)
		r = workspace_list(m->fd, c->mem, &m->before, e);
	/* The sandbox of a server that is root runs as nobody. */
	if (r == 0 && geteuid() == 0 && nftw(m->path, give_away, 16, FTW_PHYS) < 0)
		r = err_set(e, -errno, "The folder for Python cannot be given to it.");
	return r;
}

/* ---- what it made ---- */

/* Into the folder of the conversation, as far as it has room: what Python has removed is still there. `kept` is what it has. */
static int keep(const struct room *m, struct workspace_list *kept, const char *name, const struct buf *b, struct err *e)
{
	const struct workspace_file *was = workspace_find(kept, name);
	size_t bytes = kept->bytes - (was ? was->n : 0) + b->n;

	if (!was && (kept->n >= WORKSPACE_FILES_MAX || kept->more))
		return err_set(
			e, E_TOO_LARGE, "There are %d files already, and that is the most.", WORKSPACE_FILES_MAX);
	if (bytes > WORKSPACE_MAX)
		return err_set(e, E_TOO_LARGE, "The folder is full.");
	int r = workspace_write(m->work, name, b->p, b->n, e);
	if (r < 0)
		return r;
	kept->bytes = bytes;
	ASSERT(was || kept->n < WORKSPACE_FILES_MAX);
	if (!was)
		kept->items[kept->n++] = (struct workspace_file){.name = name, .n = b->n};
	return 0;
}

static int take_file(
	struct builtin_call *c, const struct room *m, struct workspace_list *kept, const char *name, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TOOL_FILE_MAX);
	struct err why = {0};

	if (workspace_read(m->fd, name, &b, &why) < 0)
		return 0; /* too large, or a trap: it is left where it is */
	if (m->work >= 0 && keep(m, kept, name, &b, &why) < 0)
		buf_printf(&c->ret->text, "\n[%s could not be kept: %s]", name, why.msg);
	void *data = arena_alloc(c->mem, MAX(b.n, 1u));
	if (!data)
		return err_set(e, -ENOMEM, "There is no memory for what Python has made.");
	if (b.n)
		memcpy(data, b.p, b.n);
	ASSERT(c->ret->n_files < TOOL_FILES);
	c->ret->files[c->ret->n_files++] =
		(struct tool_file){.name = name, .media_type = workspace_media_type(name), .data = data, .n = b.n};
	buf_printf(&c->ret->text, "\n[file %s, %zu bytes, shown to the user]", name, b.n);
	return 0;
}

static int take_files(struct builtin_call *c, const struct room *m, struct err *e)
{
	struct workspace_list made = {.n = 0}, kept = {.n = 0};
	int r = workspace_list_new(m->fd, &m->before, c->mem, &made, e);

	if (r == 0 && m->work >= 0)
		r = workspace_list(m->work, c->mem, &kept, e);
	c->ret->files = ARENA_ARRAY(c->mem, struct tool_file, TOOL_FILES);
	if (r == 0 && !c->ret->files)
		r = err_set(e, -ENOMEM, "There is no memory for what Python has made.");
	for (size_t i = 0; r == 0 && i < made.n && c->ret->n_files < TOOL_FILES; i++)
		r = take_file(c, m, &kept, made.items[i].name, e);
	return r;
}

void python_take_chart(struct builtin_call *c, const char *p, size_t n)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct err quiet = {0};
	struct str s = str_trim((struct str){p, n});

	if (s.n == 0 || *s.p != '{') {
		const char *line = s.n ? memrchr(s.p, '\n', s.n) : NULL;
		s = line ? (struct str){line + 1, (size_t)(s.p + s.n - line - 1)} : (struct str){NULL, 0};
	}
	if (s.n == 0 || *s.p != '{' || json_read(s.p, s.n, JSON_MEMORY, JSON_READ_LOOSE, &v, &quiet) < 0)
		return;
	const char *schema = json_get_str(v, "$schema");
	if (!schema || !strstr(schema, "vega-lite"))
		return;
	c->ret->structured = BUF_INIT(PYTHON_SHOWN_MAX);
	json_add_value(&c->ret->structured, v);
	if (buf_status(&c->ret->structured) < 0)
		buf_done(&c->ret->structured);
}

/* ---- a run ---- */

#define ENV_MAX    80
#define GATE_BYTES ((int64_t)200 << 20) /* of a run */

static void add_words(const char **words, size_t *n, const char *const *more)
{
	for (; more && *more && *n < ENV_MAX - 1; more++)
		words[(*n)++] = *more;
}

static int run_in(struct builtin_call *c, const struct python_job *j, const struct room *m, int script,
	struct buf *shown, struct sandbox_result *res, struct err *e)
{
	const char *env[ENV_MAX] = {"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "MPLBACKEND=Agg",
		"MPLCONFIGDIR=/tmp", "OPENBLAS_NUM_THREADS=1"};
	size_t n = 6;
	ASSERT(j->program && !env[n]); /* `n` counts those above */
	const char *const argv[] = {PYTHON, "-I", "-B", "-X", "utf8", "-u", "-c", j->program, NULL};
	const struct gate_config out = {.label = j->label,
		.hosts = j->hosts,
		.also = c->tools->config.settings->tool_networks,
		.bytes_max = GATE_BYTES};
	bool reaches = j->hosts && *j->hosts;
	struct gate *gate = NULL;
	int r = reaches ? gate_new(&out, &gate, e) : 0;

	if (r < 0)
		return r;
	add_words(env, &n, reaches ? gate_env : NULL);
	add_words(env, &n, j->env);
	const struct sandbox s = {.argv = argv,
		.env = env,
		.readable = reaches ? gate_readable() : NULL,
		.writable = m->path,
		.network = gate ? gate_end(gate) : 0,
		.in = script,
		.least = SANDBOX_NAMESPACES,
		.limits = {.wall_ms = j->wall_ms,
			.cpu_s = (int)(j->wall_ms / 1000),
			.memory = (size_t)1 << 30,
			.file = WORKSPACE_FILE_MAX,
			.output = PYTHON_SHOWN_MAX,
			.files = 256,
			.processes = 64},
		.cancel = c->run->cancel,
		.output = buf_take_piece,
		.arg = shown};

	r = sandbox_run(&s, res, e);
	gate_free(gate);
	return r;
}

void python_say_end(struct builtin_call *c, const struct sandbox_result *res, int64_t wall_ms)
{
	c->ret->failed |= res->end != SANDBOX_EXITED || res->status != 0;
	if (res->end == SANDBOX_TIME)
		buf_printf(&c->ret->text, "\n[It was ended after %lld s.]", (long long)wall_ms / 1000);
	else if (res->end == SANDBOX_OUTPUT)
		buf_add_str(&c->ret->text, "\n[It was ended: it printed too much.]");
	else if (res->end == SANDBOX_KILLED)
		buf_printf(&c->ret->text, "\n[It was ended by signal %d.]", res->status);
	else if (res->status != 0)
		buf_printf(&c->ret->text, "\n[It ended with the status %d.]", res->status);
	if (c->ret->failed && *res->errors)
		buf_printf(&c->ret->text, "\n%s", res->errors);
}

int python_run(struct builtin_call *c, const struct python_job *j, struct err *e)
{
	CLEANUP(buf_done) struct buf shown = BUF_INIT(2 * PYTHON_SHOWN_MAX);
	CLEANUP(room_done) struct room m = {.fd = -1, .work = -1};
	CLEANUP(closep) int input = sandbox_file(j->input.p, j->input.n);
	struct sandbox_result res = {.status = 0};
	struct err why = {0};
	int r = input < 0 ? err_set(&why, -ENOMEM, "There is no memory for a script.")
			  : room_make(c, j->keeps, &m, &why);

	if (r == 0)
		r = run_in(c, j, &m, input, &shown, &res, &why);
	if (r == E_NOT_IMPLEMENTED)
		return tool_fail(c->ret, "%s", why.msg);
	if (r < 0)
		return err_set(e, r, "%s", why.msg);
	ASSERT(!c->ret->text.p); /* what came of it is told by `tell` alone */
	r = j->tell(c, &shown, &res, j->arg, e);
	return r < 0 ? r : take_files(c, &m, e);
}

/* ---- the tool ---- */

static int tell(struct builtin_call *c, const struct buf *shown, const struct sandbox_result *res, void *arg UNUSED,
	struct err *e UNUSED)
{
	c->ret->text = BUF_INIT(4 * PYTHON_SHOWN_MAX);
	if (shown->n)
		utf8_add_repaired(&c->ret->text, shown->p, shown->n);
	else if (res->end == SANDBOX_EXITED && res->status == 0)
		buf_add_str(&c->ret->text, "[It printed nothing.]");
	python_say_end(c, res, WALL_MS);
	python_take_chart(c, shown->p ? shown->p : "", shown->n);
	return 0;
}

int python_call(struct builtin_call *c, struct err *e)
{
	const char *code = json_get_str(c->arguments, "code");
	const struct python_job j = {.program = prelude,
		.input = str_from(code ? code : ""),
		.keeps = true,
		.wall_ms = WALL_MS,
		.tell = tell};

	return python_run(c, &j, e);
}
