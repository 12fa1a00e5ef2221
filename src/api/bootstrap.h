/* bootstrap.h - what resources give to bootstrap_api.c, which answers for several of them at once. */
#pragma once

#include "api/answer.h"
#include "api/request.h"

extern const struct schema user_schema, models_schema, conversation_page_schema, folder_list_schema,
	assistant_list_schema;

struct tasks_answer {
	const char *chat, *code, *title, *embedding;
};

struct models_answer {
	struct schema_list items, providers;
	const char *default_model;
	struct tasks_answer defaults;
	bool refreshing;
};

/* The models known now; `all`: hidden ones too. */
int models_list(struct request *q, bool all, struct models_answer *ret) MUST_CHECK;

/* The newest conversations of who asks. */
int conversations_first_page(struct request *q, struct list_answer *ret) MUST_CHECK;

/* The newest of those that are pinned. */
int conversations_pinned(struct request *q, struct list_answer *ret) MUST_CHECK;

/* All that who asks has, by name. */
int folders_all(struct request *q, struct list_answer *ret) MUST_CHECK;
int assistants_all(struct request *q, struct list_answer *ret) MUST_CHECK;
