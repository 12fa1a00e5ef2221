/* conversations.h - a conversation as an answer, for the resources that change one. */
#pragma once

#include "api/answer.h"
#include "api/request.h"

extern const struct schema conversation_schema;
extern const struct schema message_part_schema;

/* The parts of a message that has its content alone, as JSON. NULL: no memory. */
const char *message_only_part(struct arena *a, const char *content);

/* Answers with the conversation of whoever asks, as it is now. */
int answer_conversation(struct request *q, atelier_id id) MUST_CHECK;

/* Tells the browsers of whoever asks. `what`: created, updated or deleted. */
void tell_conversation(struct request *q, atelier_id id, const char *what);

/* The folder that a list is asked for, which whoever asks must be able to see; 0: no one. */
int request_folder(struct request *q, atelier_id *ret) MUST_CHECK;

/* Stops what is being written in the conversation, if it is theirs, and waits until that has ended. */
void end_answers(struct request *q, atelier_id id);
