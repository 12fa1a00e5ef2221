/* prompt.c - what the model is given: the branch of the conversation that ends in the question, oldest first. An
 * answer of which nothing came is left out together with nothing else; one that is continued stands last. */
#include <errno.h>

#include "turn/turn_priv.h"

#define MAX_HISTORY 1000 /* messages */

static int load_branch(struct turn *t, struct message_list *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	atelier_id leaf = t->continues ? t->ids.message_id : t->ids.user_message_id;

	return messages_path(c, t->ids.conversation_id, leaf, MAX_HISTORY, &t->arena, ret, &t->err);
}

static int load_base(struct turn *t)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	struct message m;
	int r;

	if ((r = messages_get(c, t->user_id, t->ids.message_id, &t->arena, &m, &t->err)) < 0)
		return r;
	t->base_content = m.content;
	t->base_reasoning = m.reasoning;
	return 0;
}

int prompt_build(struct turn *t)
{
	struct message_list branch;
	size_t n = 0;
	int r;

	if ((t->continues && (r = load_base(t)) < 0) || (r = load_branch(t, &branch)) < 0)
		return r;
	struct gen_message *messages = ARENA_ARRAY(&t->arena, struct gen_message, branch.n + 1);
	if (!messages)
		return err_set(&t->err, -ENOMEM, "the conversation does not fit into a turn's memory");
	for (size_t i = 0; i < branch.n; i++)
		if (branch.items[i].content[0])
			messages[n++] =
				(struct gen_message){.role = branch.items[i].role, .content = branch.items[i].content};
	t->request = (struct gen_request){
		.model = t->model,
		.messages = messages,
		.n_messages = n,
		.continues = t->continues && t->base_content[0],
	};
	return 0;
}
