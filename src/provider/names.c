/*
 * names.c - names of tools that a provider does not take (dots, slashes, letters of other scripts, more than 64 of them): they
 * go out in a form that all take, and calls of them come back by their own.
 */
#include <errno.h>
#include <stdio.h>

#include "provider/request.h"

#define NAME_BYTES 64
#define MARK_BYTES 9 /* _0123abcd */

static bool is_taken(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_plain(const char *name)
{
	size_t n = 0;
	while (n <= NAME_BYTES && is_taken(name[n]))
		n++;
	return n > 0 && n <= NAME_BYTES && name[n] == '\0';
}

bool names_all_plain(const struct gen_request *q)
{
	for (size_t i = 0; i < q->n_tools; i++)
		if (!is_plain(q->tools[i].name))
			return false;
	for (size_t i = 0; i < q->n_messages; i++)
		for (size_t k = 0; k < q->messages[i].n_calls; k++)
			if (!is_plain(q->messages[i].calls[k].name))
				return false;
	return true;
}

static bool is_used(const struct names *l, const char *sent)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->all[i].sent, sent) == 0)
			return true;
	return false;
}

/* A character that is not taken, of however many bytes, becomes one underscore; what two names could share gets a mark. */
static void make_sent(const struct names *l, const char *own, char ret[static NAME_BYTES + 1])
{
	size_t n = 0;
	bool foreign = *own == '\0', cut;
	if ((*own >= '0' && *own <= '9') || *own == '-') /* some want a letter or an underscore first */
		ret[n++] = '_';
	const char *p = own;
	for (; *p && n < NAME_BYTES; p++) {
		foreign |= (unsigned char)*p >= 0x80;
		if (((unsigned char)*p & 0xc0) != 0x80)
			ret[n++] = is_taken(*p) ? *p : '_';
	}
	ret[n] = '\0';
	cut = *p != '\0';
	if (foreign || cut || is_used(l, ret))
		snprintf(ret + MIN(n, (size_t)NAME_BYTES - MARK_BYTES), MARK_BYTES + 1, "_%08x",
			(unsigned)(quirks_hash(own) >> 32));
}

/* -ENOMEM. *ret: the name to be sent, in the arena. */
static int add_name(struct names *l, const char *own, struct arena *a, const char **ret)
{
	char sent[NAME_BYTES + 1];
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->all[i].own, own) == 0) {
			*ret = l->all[i].sent;
			return 0;
		}
	if (is_plain(own))
		snprintf(sent, sizeof(sent), "%s", own);
	else
		make_sent(l, own, sent);
	l->all[l->n++] = (struct name){xstrdup(own), xstrdup(sent)};
	*ret = arena_strdup(a, sent);
	return *ret ? 0 : -ENOMEM;
}

static int settle_tools(const struct gen_request *q, struct arena *a, struct names *l, struct gen_request *ret)
{
	struct gen_tool *tools = ARENA_ARRAY(a, struct gen_tool, q->n_tools + 1);
	const char *same;
	int r = tools ? 0 : -ENOMEM;
	for (size_t i = 0; i < q->n_tools && r == 0; i++) /* those that may stay, stay */
		r = is_plain(q->tools[i].name) ? add_name(l, q->tools[i].name, a, &same) : 0;
	for (size_t i = 0; i < q->n_tools && r == 0; i++) {
		tools[i] = q->tools[i];
		r = add_name(l, q->tools[i].name, a, &tools[i].name);
	}
	ret->tools = tools;
	return r < 0 || !q->tool_name ? r : add_name(l, q->tool_name, a, &ret->tool_name);
}

static int settle_calls(const struct gen_message *m, struct arena *a, struct names *l, struct gen_message *ret)
{
	struct gen_tool_call *calls = ARENA_ARRAY(a, struct gen_tool_call, m->n_calls + 1);
	int r = calls ? 0 : -ENOMEM;
	for (size_t k = 0; k < m->n_calls && r == 0; k++) {
		calls[k] = m->calls[k];
		r = add_name(l, m->calls[k].name, a, &calls[k].name);
	}
	ret->calls = calls;
	return r;
}

int names_settle(const struct gen_request *q, struct arena *a, struct names *l, struct gen_request *ret)
{
	*ret = *q;
	size_t n = q->n_tools + 1; /* and the one that tool_choice names */
	if (names_all_plain(q))
		return 0;
	for (size_t i = 0; i < q->n_messages; i++)
		n += q->messages[i].n_calls;
	l->all = xcalloc(n, sizeof(*l->all));
	int r = settle_tools(q, a, l, ret);
	struct gen_message *all = ARENA_ARRAY(a, struct gen_message, q->n_messages + 1);
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < q->n_messages && r == 0; i++) {
		all[i] = q->messages[i];
		r = q->messages[i].n_calls > 0 ? settle_calls(&q->messages[i], a, l, &all[i]) : 0;
	}
	ret->messages = all;
	return r;
}

const char *names_own(const struct names *l, const char *sent)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (strcmp(l->all[i].sent, sent) == 0)
			return l->all[i].own;
	return sent;
}

void names_done(struct names *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->all[i].own);
		free(l->all[i].sent);
	}
	free(l->all);
	*l = (struct names){.n = 0};
}
