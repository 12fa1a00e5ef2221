/* hide.c - what opens a tool server does not come out of it, in whatever form (secret_forms.c): neither in what it says, as text or as
 * JSON, nor in files or questions. */
#include <stdio.h>

#include "tool/tool_priv.h"

#define HIDDEN "[secret]"

static void hide_in(const struct secret_forms *forms, struct buf *b)
{
	struct secret_search x = tool_secret_search(forms, b->n);
	size_t took;
	const char *p = b->p, *found = tool_secret_find(&x, p, b->n, &took);

	if (!found)
		return;
	const char *end = p + b->n;
	struct buf clean = BUF_INIT(b->max * 4); /* a short secret many times is longer when it is hidden */
	for (; found; found = tool_secret_find(&x, p, (size_t)(end - p), &took)) {
		buf_add(&clean, p, (size_t)(found - p));
		buf_add_str(&clean, HIDDEN);
		p = found + took;
	}
	buf_add(&clean, p, (size_t)(end - p));
	clean.max = b->max;
	buf_wipe(b);
	*b = clean;
}

static bool is_in(const struct secret_forms *forms, const char *p, size_t n)
{
	struct secret_search x = tool_secret_search(forms, n);
	size_t took;

	return tool_secret_find(&x, p, n, &took);
}

/* A new reference: the value, or what stands for it. */
static json_t *hidden_scalar(const struct secret_forms *forms, json_t *v)
{
	CLEANUP(buf_wipe) struct buf b = BUF_INIT((size_t)64 << 20);

	if (json_is_string(v))
		buf_add(&b, json_string_value(v), json_string_length(v));
	else
		json_add_value(&b, v);
	if (!is_in(forms, b.p, b.n))
		return json_incref(v);
	hide_in(forms, &b);
	json_t *text = json_stringn_nocheck(b.p, b.n);
	return text ? text : json_null();
}

/* Of JSON only values change, with `names` all that these members hold: what is no text but says it becomes one. `names_own`: the members
 * of `v` have names of somebody's own, as those of `properties`. */
static void hide_in_value(const struct secret_forms *forms, json_t *v, const char *names, bool names_own)
{
	const char *key;
	json_t *item;
	size_t i;
	void *next;

	json_object_foreach_safe(v, next, key, item)
	{
		const char *within = names && !names_own && str_word_place(names, str_from(key)) >= 0 ? NULL : names;

		hide_in_value(forms, item, within, names && !names_own && strcmp(key, "properties") == 0);
		if (!json_is_object(item) && !json_is_array(item) && !within)
			json_object_set_new(v, key, hidden_scalar(forms, item));
	}
	json_array_foreach(v, i, item)
	{
		hide_in_value(forms, item, names, false);
		if (!json_is_object(item) && !json_is_array(item) && !names)
			json_array_set_new(v, i, hidden_scalar(forms, item));
	}
}

static void hide_in_file(const struct secret_forms *forms, struct tool_file *f)
{
	struct secret_search x = tool_secret_search(forms, f->n);
	char *p = (char *)(uintptr_t)f->data; /* of the arena */
	const char *found;
	size_t left = f->n, took;

	while ((found = tool_secret_find(&x, p, left, &took))) {
		size_t before = (size_t)(found - p);
		memset(p + before, '*', took); /* as long as it was: there may be sizes in the file */
		p += before + took;
		left -= before + took;
	}
	if (is_in(forms, f->name, strlen(f->name)))
		f->name = "file";
}

void tool_hide(const json_t *secrets, struct buf *b)
{
	CLEANUP(tool_secret_forms_done) struct secret_forms forms;

	tool_secret_forms(secrets, &forms);
	hide_in(&forms, b);
}

static void hide_in_json(const struct secret_forms *forms, const char *names, struct buf *b)
{
	CLEANUP(json_decrefp) json_t *box = NULL;
	struct err unreadable = {0};
	json_t *root = NULL;
	size_t max = b->max;

	if (b->n == 0 || !is_in(forms, b->p, b->n))
		return;
	int r = json_read(b->p, b->n, JSON_MEMORY, JSON_READ_EXACT, &root, &unreadable);
	buf_wipe(b);
	*b = BUF_INIT(max);
	if (r < 0)
		return;               /* nobody could have read it either */
	box = json_pack("[o]", root); /* so that a value that stands alone has a place, too */
	hide_in_value(forms, box, names, false);
	json_add_value(b, json_array_get(box, 0));
}

void tool_hide_json(const json_t *secrets, const char *names, struct buf *b)
{
	CLEANUP(tool_secret_forms_done) struct secret_forms forms;

	tool_secret_forms(secrets, &forms);
	hide_in_json(&forms, names, b);
}

void tool_hide_result(const json_t *secrets, struct tool_result *r, struct err *e)
{
	CLEANUP(tool_secret_forms_done) struct secret_forms forms;

	tool_secret_forms(secrets, &forms);
	hide_in(&forms, &r->text);
	hide_in_json(&forms, NULL, &r->structured);
	for (size_t k = 0; k < r->n_files; k++)
		hide_in_file(&forms, &r->files[k]);
	if (is_in(&forms, e->msg, strlen(e->msg)))
		snprintf(e->msg, sizeof(e->msg), "The tool server failed.");
}

/* ---- while it runs ---- */

#define SAID_MAX ((size_t)1 << 20)

static void told(void *arg, double done, double total, const char *message)
{
	const struct tool_hiding *h = arg;
	CLEANUP(buf_done) struct buf said = BUF_INIT(SAID_MAX);

	buf_add_str(&said, message ? message : "");
	tool_hide(h->secrets, &said);
	buf_add_char(&said, '\0');
	h->run->progress(h->run->arg, done, total, message && buf_status(&said) == 0 ? said.p : NULL);
}

static int asked(void *arg, const char *from, const char *message, const char *schema, const char *url, struct buf *ret,
	struct err *e)
{
	const struct tool_hiding *h = arg;
	CLEANUP(buf_done) struct buf said = BUF_INIT(SAID_MAX), form = BUF_INIT(SAID_MAX), at = BUF_INIT(SAID_MAX);

	buf_add_str(&said, message);
	buf_add_str(&at, url ? url : "");
	tool_hide(h->secrets, &at);
	buf_add_char(&at, '\0');
	buf_add_str(&form, schema ? schema : "");
	tool_hide(h->secrets, &said);
	tool_hide_json(h->secrets, TOOL_HIDE_WORDS, &form);
	buf_add_char(&said, '\0');
	buf_add_char(&form, '\0');
	if (buf_status(&said) < 0 || buf_status(&form) < 0 || buf_status(&at) < 0)
		return err_set(e, E_TOO_LARGE, "A question of a tool is too large.");
	return h->run->ask(h->run->arg, from, said.p, schema ? form.p : NULL, url ? at.p : NULL, ret, e);
}

struct tool_run tool_hiding_run(struct tool_hiding *h)
{
	struct tool_run run = *h->run;

	run.progress = run.progress ? told : NULL;
	run.ask = run.ask ? asked : NULL;
	run.arg = h;
	return run;
}
