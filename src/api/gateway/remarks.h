/* remarks.h - what an answer says of itself: what of the request has no effect or another one, and what it has beside its text. */
#pragma once

#include "base/json.h"
#include "provider/generate.h"

struct gw_call;

/* A member that has no effect on this answer; told in the header x-atelier-ignored, and by gw_add_remarks. */
void gw_ignore(struct gw_call *c, const char *name);
/* A member that counts as `as`, the nearest that the target knows; told in the header x-atelier-changed, and by gw_add_remarks. */
void gw_change(struct gw_call *c, const char *name, const char *as);
/* How much is thought, by a word of the client's that the target has no like of: it counts as `thinking`. */
void gw_change_effort(struct gw_call *c, const char *word, enum gen_thinking thinking, unsigned knows);
/* Whom the program answers, in its own words (NULL: it does not say): for a provider of another shape than `same`, which
 * gets it in its own member. */
void gw_read_user(struct gw_call *c, const char *user, unsigned same);
/* The member `service_tier` has no effect, if it asks for another than the usual one. */
void gw_tell_tier(struct gw_call *c);
/* ,"atelier":{"ignored":["a"],"changed":{"b":"c"},"notice":"d","annotations":[],"sources":[],"queued_ms":1} - or nothing. For the last object of an answer. */
void gw_add_remarks(const struct gw_call *c, struct buf *out);
/* The same while the answer is under way: its figures are the call's own until it ends. */
void gw_add_first_remarks(const struct gw_call *c, struct buf *out);

/* Items of an answer (annotations and the like) as a list, to be let go of. */
json_t *gw_notes(struct str items);
/* Whether an annotation is a page that is cited; its texts are borrowed, a place that is not said is 0. */
struct gw_page {
	const char *url, *title, *said; /* said: "", where the provider does not quote the page */
	int64_t start, end;             /* of the text that it stands for */
};
bool gw_note_page(const json_t *note, struct gw_page *ret);

struct made_call;
/* What a provider said of a call beside its arguments, and with the first call what it said of the reasoning before, where the shape
 * has no place for it: in the member `atelier` of the call's item; and from there back, for that provider, whose name stands
 * with it. Of reading, ret: its id, name and arguments stay as they are. */
void gw_add_call_extras(const struct gw_call *c, const struct made_call *m, struct buf *out);
int gw_read_call_extras(struct gw_call *c, const json_t *item, struct gen_tool_call *ret) MUST_CHECK;
