/* settings_load.c - the sources of settings in the order of their strength: file, environment, flags. */
#include "base/settings.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/settings_priv.h"

#define LINE_MAX     8192
#define MISSPELT_MAX 2 /* letters */

struct flag {
	int index; /* of the setting */
	const char *value;
	char origin[64]; /* "--listen" */
};

struct flags {
	struct flag *list;
	size_t n;
	const char *config; /* --config, or NULL */
};

static void flags_done(struct flags *f)
{
	free(f->list);
}

/* Edit distance of two short names, '-' and '_' being the same. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	size_t row[65];

	if (na > 64 || nb > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			char ca = a[i - 1] == '-' ? '_' : a[i - 1];
			size_t change = diagonal + (ca != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[nb];
}

static int refuse_flag(const char *name, size_t n, struct err *e)
{
	const struct setting_info *all;
	const char *best = "";
	size_t count, nearest = SIZE_MAX;
	char dashed[65];

	all = settings_table(&count);
	for (size_t i = 0; i < count; i++) {
		size_t d = distance(name, n, all[i].name, strlen(all[i].name));

		if (d < nearest) {
			nearest = d;
			best = all[i].name;
		}
	}
	if (nearest > MAX(n / 2, (size_t)2))
		return err_set(e, E_INVALID, "There is no flag --%.*s; --help lists them all.", (int)MIN(n, 64u), name);
	snprintf(dashed, sizeof(dashed), "%s", best);
	for (char *c = dashed; *c; c++)
		if (*c == '_')
			*c = '-';
	return err_set(e, E_INVALID, "There is no flag --%.*s; did you mean --%s?", (int)MIN(n, 64u), name, dashed);
}

/* Flags stand in the list of processes, which everybody on the machine may read. */
static int refuse_secret(const struct setting_info *info, struct err *e)
{
	return err_set(e, E_INVALID,
		"A secret is not taken as a flag, where every user of this machine can see it. Set the variable %s, or "
		"write "
		"%s = ... into the configuration file.",
		info->env, info->name);
}

static void add_flag(struct flags *f, int index, const char *value, const char *name, size_t n)
{
	struct flag *flag = &f->list[f->n++];

	ASSERT(index >= 0);
	flag->index = index;
	flag->value = value;
	snprintf(flag->origin, sizeof(flag->origin), "--%.*s", (int)MIN(n, 60u), name);
}

/* Reads the flag at argv[*i] and moves *i over a value that stands apart. */
static int take_flag(struct flags *f, int argc, char **argv, int *i, struct err *e)
{
	const char *name = argv[*i] + 2, *value = strchr(name, '=');
	size_t n = value ? (size_t)(value - name) : strlen(name), count;
	const struct setting_info *all = settings_table(&count);
	bool config = n == 6 && memcmp(name, "config", 6) == 0;
	int index = settings_find(name, n);

	if (value)
		value++;
	if (!value && n > 3 && memcmp(name, "no-", 3) == 0) {
		int positive = settings_find(name + 3, n - 3);

		if (positive >= 0 && all[positive].kind == SETTING_BOOL) {
			add_flag(f, positive, "false", name, n);
			return 0;
		}
	}
	if (index < 0 && !config)
		return refuse_flag(name, n, e);
	if (index >= 0 && all[index].kind == SETTING_SECRET)
		return refuse_secret(&all[index], e);
	if (!value && index >= 0 && all[index].kind == SETTING_BOOL)
		value = "true";
	if (!value) {
		if (*i + 1 >= argc)
			return err_set(e, E_INVALID, "--%.*s: a value must follow", (int)MIN(n, 64u), name);
		value = argv[++*i];
	}
	if (config)
		f->config = value;
	else
		add_flag(f, index, value, name, n);
	return 0;
}

/* Collects the flags and leaves the rest in argv. */
static int take_flags(struct flags *f, int *argc, char **argv, struct err *e)
{
	int kept = 0, i;

	f->list = xcalloc((size_t)MAX(*argc, 1), sizeof(*f->list));
	for (i = 0; i < *argc; i++) {
		int r;

		if (i == 0 || strncmp(argv[i], "--", 2) != 0) {
			argv[kept++] = argv[i];
			continue;
		}
		if (argv[i][2] == '\0') {
			i++;
			break;
		}
		r = take_flag(f, *argc, argv, &i, e);
		if (r < 0)
			return r;
	}
	while (i < *argc)
		argv[kept++] = argv[i++];
	if (kept < *argc)
		argv[kept] = NULL;
	*argc = kept;
	return 0;
}

/* An empty variable is a value for a text that may be empty ("not used"); else it is as if unset. */
static const char *variable(const struct setting_info *info)
{
	const char *v = getenv(info->env);
	bool text = info->kind != SETTING_INT && info->kind != SETTING_BOOL && info->kind != SETTING_CHOICE;

	return v && (*v || (text && info->min == 0)) ? v : NULL;
}

static char *default_data(struct err *e)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT(4000);
	const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	/* The XDG rules: a relative path there is to be ignored. */
	if (xdg && xdg[0] == '/') {
		buf_printf(&path, "%s/atelier", xdg);
	} else if (home && home[0]) {
		buf_printf(&path, "%s/.local/share/atelier", home);
	} else {
		err_set(e, E_INVALID,
			"There is no home folder; say where the data shall be with --data or ATELIER_DATA.");
		return NULL;
	}
	if (buf_status(&path) < 0) {
		err_set(e, E_INVALID, "The path of the home folder is too long.");
		return NULL;
	}
	return buf_take(&path);
}

static const char *data_of(const struct flags *f)
{
	const struct setting_info *all;
	const char *data = NULL;
	size_t count;
	int index = settings_find("data", 4);

	ASSERT(index >= 0);
	all = settings_table(&count);
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].index == index)
			data = f->list[i].value;
	if (!data)
		data = variable(&all[index]);
	return data && *data ? data : NULL;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	return s;
}

static int load_line(struct settings *s, char *line, const char *origin, struct err *e)
{
	char *name = trim(line), *value;

	if (!*name || *name == '#')
		return 0;
	value = strchr(name, '=');
	if (!value)
		return err_set(e, E_INVALID, "%s: must be \"name = value\"", origin);
	*value++ = '\0';
	name = trim(name);
	if (settings_is_provider(name))
		return settings_set_provider(s, name, trim(value), origin, e);
	return settings_set(s, name, trim(value), origin, e);
}

static void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

const char *settings_open_file(const struct settings *s)
{
	return s->priv ? s->priv->open_file : NULL;
}

/* Whether a file set something that is nobody else's: a key, or the password within an address. */
static bool has_secret(const struct settings *s, const char *base)
{
	const struct setting_info *all;
	const struct settings_provider *p;
	size_t count, n = strlen(base);

	all = settings_table(&count);
	for (size_t i = 0; i < count; i++) {
		const char *origin = settings_origin(s, all[i].name), *value = s->priv->value[i];
		bool secret = all[i].kind == SETTING_SECRET ||
			      ((all[i].kind == SETTING_DATABASE || all[i].kind == SETTING_URL) && value &&
				      strchr(value, '@'));

		if (secret && value && *value && strncmp(origin, base, n) == 0 && origin[n] == ':')
			return true;
	}
	p = settings_providers(s, &count);
	for (size_t i = 0; i < count; i++)
		if (p[i].key && *p[i].key)
			return true;
	return false;
}

/* A group may have been given it on purpose. The file in the data folder is behind that folder's rights. */
static void note_rights(struct settings *s, FILE *file, const char *path, const char *base)
{
	struct stat st;

	if (fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) && has_secret(s, base)) {
		free(s->priv->open_file);
		s->priv->open_file = xstrdup(path);
	}
}

static int load_file(struct settings *s, const char *path, bool required, struct err *e)
{
	CLEANUP(fclosep) FILE *file = fopen(path, "re");
	CLEANUP(freep) char *line = xcalloc(1, LINE_MAX);
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	if (file)
		setvbuf(file, NULL, _IONBF, 0); /* what is read ahead may be a key, and stays nowhere */
	if (!file && errno == ENOENT && !required)
		return 0;
	if (!file)
		return err_set(e, E_INVALID, "cannot read %.180s: %s", path, strerror(errno));
	for (unsigned n = 1; fgets(line, LINE_MAX, file); n++) {
		char origin[96];
		int r;

		snprintf(origin, sizeof(origin), "%.64s:%u", base, n);
		if (!strchr(line, '\n') && !feof(file))
			return err_set(e, E_INVALID, "%s: the line is too long", origin);
		r = load_line(s, line, origin, e);
		if (r < 0)
			return r;
	}
	explicit_bzero(line, LINE_MAX); /* it may have held a key */
	if (ferror(file))
		return err_set(e, E_INVALID, "cannot read %.180s: %s", path, strerror(errno));
	if (required)
		note_rights(s, file, path, base);
	return settings_end_providers(s, e);
}

static int load_config(struct settings *s, const struct flags *f, struct err *e)
{
	CLEANUP(freep) char *standard = NULL;
	CLEANUP(buf_done) struct buf path = BUF_INIT(8192);
	const char *chosen = f->config, *data = data_of(f);

	if (!chosen)
		chosen = getenv("ATELIER_CONFIG");
	if (chosen && *chosen)
		return load_file(s, chosen, true, e);
	if (!data) {
		struct err ignored = {0};

		/* Without a home there is no file; whether that matters is known once all sources are read. */
		standard = default_data(&ignored);
		if (!standard)
			return 0;
		data = standard;
	}
	buf_printf(&path, "%s/atelier.conf", data);
	if (buf_status(&path) < 0)
		return err_set(e, E_INVALID, "The path of the data folder is too long.");
	return load_file(s, path.p, false, e);
}

static int load_environment(struct settings *s, struct err *e)
{
	const struct setting_info *all;
	size_t count;

	all = settings_table(&count);
	for (size_t i = 0; i < count; i++) {
		const char *value = variable(&all[i]);
		int r = value ? settings_set(s, all[i].name, value, all[i].env, e) : 0;

		if (r < 0)
			return r;
		if (value && all[i].kind == SETTING_SECRET)
			secret_wipe(getenv(all[i].env)); /* children and whoever lists processes see it no more */
	}
	return 0;
}

/* Of an environment that is told a service's addresses (ATELIER_PORT_80_TCP) nothing is near to a setting. */
static const char *setting_near(const char *variable, size_t n)
{
	static const char *const others[] = {"ATELIER_CONFIG", "ATELIER_SERVER", "ATELIER_SERVER_KEY"};
	const struct setting_info *all;
	const char *best = NULL;
	size_t count, nearest = MISSPELT_MAX + 1;

	all = settings_table(&count);
	for (size_t i = 0; i < count + N_ELEMENTS(others); i++) {
		const char *name = i < count ? all[i].env : others[i - count];
		size_t d = distance(variable, n, name, strlen(name));

		if (d == 0)
			return NULL;
		if (d < nearest) {
			nearest = d;
			best = name;
		}
	}
	return best;
}

bool settings_misspelt(struct settings_variable *v)
{
	static const char prefix[] = "ATELIER_";

	for (v->meant = NULL; !v->meant && environ[v->next]; v->next++) {
		const char *text = environ[v->next];
		size_t n = strcspn(text, "=");

		if (strncmp(text, prefix, sizeof(prefix) - 1) == 0 && n < sizeof(v->name)) {
			snprintf(v->name, sizeof(v->name), "%.*s", (int)n, text);
			v->meant = setting_near(text, n);
		}
	}
	return v->meant != NULL;
}

/* Addresses add up; of all else the last one counts. */
static int set_flag(struct settings *s, const struct flags *f, size_t i, const char *name, struct err *e)
{
	const struct flag *flag = &f->list[i];
	CLEANUP(buf_done) struct buf all = BUF_INIT(65536);

	if (strcmp(name, "listen") != 0)
		return settings_set(s, name, flag->value, flag->origin, e);
	for (size_t k = 0; k <= i; k++) {
		if (f->list[k].index == flag->index)
			buf_printf(&all, "%s%s", all.n ? " " : "", f->list[k].value);
	}
	return settings_set(s, name, all.p, flag->origin, e);
}

static int load_all(struct settings *s, int *argc, char **argv, struct err *e)
{
	CLEANUP(flags_done) struct flags flags = {0};
	CLEANUP(freep) char *data = NULL;
	const struct setting_info *all;
	size_t count;
	int r;

	all = settings_table(&count);
	r = take_flags(&flags, argc, argv, e);
	if (r < 0)
		return r;
	r = load_config(s, &flags, e);
	if (r < 0)
		return r;
	r = load_environment(s, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < flags.n; i++) {
		r = set_flag(s, &flags, i, all[flags.list[i].index].name, e);
		if (r < 0)
			return r;
	}
	if (s->data[0])
		return 0;
	data = default_data(e);
	return data ? settings_set(s, "data", data, "default", e) : E_INVALID;
}

/* Whoever shows the message goes on behind it. */
static void end_sentence(struct err *e)
{
	size_t n = strlen(e->msg);

	if (n > 0 && n + 1 < sizeof(e->msg) && !strchr(".!?", e->msg[n - 1]))
		memcpy(e->msg + n, ".", 2);
}

int settings_load(struct settings *s, int *argc, char **argv, struct err *e)
{
	int r = load_all(s, argc, argv, e);

	if (r < 0 && e)
		end_sentence(e);
	return r;
}
