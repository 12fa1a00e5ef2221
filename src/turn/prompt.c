/* prompt.c - what the model is given: the branch of the conversation that ends in the question, oldest first. An
 * answer of which nothing came is left out together with nothing else; one that is continued stands last. */
#include <errno.h>

#include "turn/turn_priv.h"

#define MAX_HISTORY 1000 /* messages */

static int load_branch(struct turn *t, struct arena *a, struct message_list *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	atelier_id leaf = t->continues ? t->ids.message_id : t->ids.user_message_id;

	return messages_path(c, t->ids.conversation_id, leaf, MAX_HISTORY, a, ret, &t->err);
}

/* A turn waits for its model among thousands: of the branch it keeps what is sent. */
static int copy_branch(struct turn *t, const struct message_list *branch, struct gen_message *to, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < branch->n; i++) {
		const struct message *m = &branch->items[i];
		if (!m->content[0])
			continue;
		to[n] = (struct gen_message){
			.role = strcmp(m->role, MESSAGE_USER) == 0 ? MESSAGE_USER : MESSAGE_ASSISTANT,
			.content = arena_strdup(&t->arena, m->content)};
		if (!to[n++].content)
			return -ENOMEM;
	}
	*ret_n = n;
	return 0;
}

int prompt_take_options(struct turn *t, const struct turn_options *options)
{
	size_t n = 0;

	t->options = *options;
	if (options->sampling.seed && !(t->options.sampling.seed = arena_strdup(&t->arena, options->sampling.seed)))
		return -ENOMEM;
	if (!options->stop)
		return 0;
	while (options->stop[n])
		n++;
	const char **stop = ARENA_ARRAY(&t->arena, const char *, n + 1);
	for (size_t i = 0; stop && i < n; i++)
		if (!(stop[i] = arena_strdup(&t->arena, options->stop[i])))
			return -ENOMEM;
	t->options.stop = stop;
	return stop ? 0 : -ENOMEM;
}

int prompt_build(struct turn *t)
{
	CLEANUP(arena_done) struct arena scratch;
	struct message_list branch;
	size_t n = 0;
	int r = 0;

	arena_init(&scratch, TURN_ARENA_BYTES);
	if (t->continues)
		r = finish_load(t->all->db, t->user_id, t->ids.message_id, &t->arena, &t->before, &t->err);
	if (r < 0 || (r = load_branch(t, &scratch, &branch)) < 0)
		return r;
	struct gen_message *messages = ARENA_ARRAY(&t->arena, struct gen_message, branch.n + 1);
	if (!messages || copy_branch(t, &branch, messages, &n) < 0)
		return err_set(&t->err, -ENOMEM, "the conversation does not fit into a turn's memory");
	t->request = (struct gen_request){
		.model = t->model,
		.messages = messages,
		.n_messages = n,
		.continues = t->before && t->before->content[0],
		.thinking = t->options.thinking,
		.sampling = t->options.sampling,
		.stop = t->options.stop,
		.max_tokens = t->options.max_tokens,
		.tokens_if_endless = t->all->settings->answer_max_tokens,
	};
	return 0;
}
