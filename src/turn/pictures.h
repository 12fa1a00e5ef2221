/* pictures.h - pictures of questions: what a message says of them, and what the model gets. On the thread that starts a turn. */
#pragma once

#include "store/images.h"
#include "turn/turn_priv.h"

/* Makes the question of a request with attachments have them: its parts and images. E_NOT_FOUND for one that the user may
 * not see. */
int pictures_attach(struct turn *t, const struct turn_request *q, struct turn_begin *in, struct err *e) MUST_CHECK;

/* E_MODEL_CANNOT when what is asked has pictures and the turn's model does not see. */
int pictures_check(const struct turn *t, const struct turn_request *q, struct err *e) MUST_CHECK;

/* What a branch has in pictures, and which of them the model gets: the newest ones, as long as there is room. */
struct pictures {
	struct picture *items; /* by message, the newest first */
	size_t n;
};
int pictures_find(const struct turn *t, struct db_conn *c, const struct message_list *branch, struct arena *a,
	struct pictures *ret, struct err *e) MUST_CHECK;

/* Puts the pictures of a message into what the model is given; words stand for those that it does not get. */
int pictures_give(struct turn *t, const struct pictures *p, const struct message *m, struct gen_message *to) MUST_CHECK;
