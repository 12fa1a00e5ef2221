/*
 * oauth.h - what signing in to /mcp is made of: programs that have registered, what a person is asked, and codes. None of
 * them is stored: each is sealed, and handed to whoever brings it back.
 */
#pragma once

#include "api/request.h"
#include "base/json.h"

#define OAUTH_KEY_DAYS                                                                                                 \
	90 /* a token is an API key, which ends then; of a program that renews it, this long after the last time */
#define OAUTH_TOKEN_S 3600 /* of a program that renews it: the token alone */

/* A sealed object, as text for an address; the kind is told apart from others. NULL: recorded in q->err. */
const char *oauth_seal(struct request *q, const char *kind, const json_t *o);
/* Such an object; NULL, with nothing recorded, when it is of another kind, was not made here, or has ended ("until", Unix ms). */
json_t *oauth_open(struct request *q, const char *kind, const char *text);

/* Whether a program may be sent back there: https, this machine, or a scheme of its own. */
bool oauth_may_go(const char *uri);
/* Whether it is one of the registered ones. On this machine the port may be another. */
bool oauth_is_registered(const json_t *uris, const char *uri);

/*
 * A program, from what it says of itself on registering: an object with its "name", in which nothing is unseen or turns what
 * stands beside it, the "uris" to which it may be called back, and whether it "renews" its key. NULL: *ret_error and *ret_why say
 * what is wrong (or there is no memory).
 */
json_t *oauth_client_read(const json_t *in, const char **ret_error, const char **ret_why);
/* The same from the document at the address that is its id, with the "host" there, which vouches for the name. */
json_t *oauth_client_of_document(const char *client_id, const json_t *in, const char **ret_why);
/* Its name, with its host where it has one, as one text. */
#define OAUTH_NAME_MAX 80
void oauth_client_name(const json_t *client, char ret[OAUTH_NAME_MAX + 1]);
/* Whether the id is the address of a document that says it; whether programs are told that they may come so. */
bool oauth_client_has_document(const char *client_id);
bool oauth_client_documents_offered(struct request *q);
/* A document was reached, or its host did not answer: who asked, of whom one alone is not believed, or 0 of an administrator. */
void oauth_offer_learn(struct oauth_offer *o, bool reached, atelier_id who, int64_t now);
bool oauth_offer_stands(const struct oauth_offer *o, int64_t now);
/* Such a program, by a request to its address, which takes seconds; NULL: it is none, and the log says why. */
json_t *oauth_client_fetch(struct request *q, const char *client_id);

/* A member of a body of application/x-www-form-urlencoded, in the arena; NULL: it is not there. */
const char *oauth_form(struct request *q, const char *name);

/* Answers a program with JSON (taken), which nobody keeps; with 400 and the code of an error of OAuth. */
int oauth_answer(struct request *q, int status, json_t *taken);
int oauth_refuse(struct request *q, const char *error, const char *why);
/* Whether what a program asks for ("resource"; NULL: nothing by name) is /mcp here, as it has its address, or all of it. */
bool oauth_is_ours(struct request *q, const char *resource);

/* The address of Atelier as the client has it, without a slash at its end; in the arena. */
const char *oauth_base(struct request *q);
/* What a 401 says of how to sign in, and a 403 of /mcp to a key that lacks the scope; NULL: nothing. */
const char *oauth_challenge(struct request *q, int status);

/* ---- pages (oauth_page.c), in the language that the browser asks for ---- */

enum oauth_said { OAUTH_UNKNOWN_PROGRAM, OAUTH_OTHER_ADDRESS, OAUTH_NOT_YOURS, OAUTH_BACK };
int oauth_page_says(struct request *q, int status, enum oauth_said what);
/* The program asked wrongly: `at` leads back to it at `uri`, and nobody is sent there unasked. */
int oauth_page_error(struct request *q, const char *error, const char *at, const char *uri);
int oauth_page_sign_in(struct request *q);
/* What the program wants, with two buttons; `sealed` is what they bring back. */
int oauth_page_ask(struct request *q, const json_t *ask, const char *sealed);

/* Adds "name=value", encoded, behind "?" or "&". */
void oauth_add_query(struct buf *b, const char *name, const char *value);
