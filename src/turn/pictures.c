/*
 * pictures.c - pictures of questions: what a message says of them, and how the model gets them. A turn holds those that it sends
 * until its answer has ended, so there is a bound for all of one request; where a branch has more, the newest ones are sent.
 */
#include <errno.h>
#include <sodium.h>

#include "turn/pictures.h"

#define SENT_BYTES ((int64_t)20 << 20) /* of all pictures of one request */
#define SENT_MAX   40

struct picture {
	atelier_id message_id;
	struct image_row image;
	bool sent;
};

/* ---- the question ---- */

static void describe(const struct image_row *image, struct part *part)
{
	char id[ID_LEN + 1];

	id_format(image->id, id);
	part->id = xstrdup(id);
	part->name = *image->name ? xstrdup(image->name) : NULL;
	buf_add_str(&part->text, image->media_type);
	part->width = image->width;
	part->height = image->height;
}

static int describe_all(struct turn *t, const struct turn_request *q, struct parts *parts, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->n_attachments; i++) {
		struct image_row image = {0};
		r = images_get(c, t->user_id, q->attachments[i], &t->arena, &image, e);
		if (r == 0)
			describe(&image, parts_add(parts, PART_IMAGE));
	}
	return r;
}

int pictures_attach(struct turn *t, const struct turn_request *q, struct turn_begin *in, struct err *e)
{
	CLEANUP(parts_done) struct parts parts = PARTS_INIT(TURN_ARENA_BYTES);
	CLEANUP(buf_done) struct buf json = BUF_INIT(TURN_ARENA_BYTES);
	int r;

	if (!q->n_attachments)
		return 0;
	r = describe_all(t, q, &parts, e);
	if (r < 0)
		return r;
	if (*q->content)
		buf_add_str(&parts_add(&parts, PART_TEXT)->text, q->content);
	parts_write(&parts, &json);
	in->parts = parts_status(&parts) < 0 || buf_status(&json) < 0 ? NULL : arena_strndup(&t->arena, json.p, json.n);
	in->images = q->attachments;
	in->n_images = q->n_attachments;
	if (in->parts && !*q->content)
		in->title = arena_strdup(&t->arena, parts.items[0].name ? parts.items[0].name : "");
	return in->parts ? 0 : err_set(e, -ENOMEM, "no memory for a turn");
}

static int asked_again_has_some(const struct turn *t, const struct turn_request *q, bool *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);

	return images_are_asked(c, q->at, ret, e);
}

int pictures_check(const struct turn *t, const struct turn_request *q, struct err *e)
{
	bool some = q->n_attachments > 0;
	int r = 0;

	if (t->sees)
		return 0;
	if (!some && q->place == TURN_REGENERATE)
		r = asked_again_has_some(t, q, &some, e);
	if (r < 0 || !some)
		return r;
	return err_set(e, E_MODEL_CANNOT,
		"%.120s cannot look at pictures. Choose a model that can, or ask without them.", t->model);
}

/* ---- the model ---- */

int pictures_find(const struct turn *t, struct db_conn *c, const struct message_list *branch, struct arena *a,
	struct pictures *ret, struct err *e)
{
	size_t n_max = 0;
	int64_t left = SENT_BYTES;
	int r = 0;

	*ret = (struct pictures){0};
	for (size_t i = 0; i < branch->n; i++)
		n_max += branch->items[i].parts ? IMAGES_MAX : 0;
	if (n_max == 0)
		return 0;
	ret->items = ARENA_ARRAY(a, struct picture, n_max);
	if (!ret->items)
		return err_set(e, -ENOMEM, "no memory for a turn");
	for (size_t i = branch->n; r == 0 && i-- > 0;) {
		const struct message *m = &branch->items[i];
		struct image_rows rows = {0};
		if (m->parts)
			r = images_of_message(c, m->id, a, &rows, e);
		for (size_t k = 0; r == 0 && k < MIN(rows.n, (size_t)IMAGES_MAX); k++) {
			bool sent = t->sees && ret->n < SENT_MAX && rows.items[k].bytes <= left;
			left -= sent ? rows.items[k].bytes : 0;
			ret->items[ret->n++] = (struct picture){m->id, rows.items[k], sent};
		}
	}
	return r;
}

/* The bytes in base64, in the turn's arena; E_NOT_FOUND when they are gone. */
static int load(struct turn *t, const struct image_row *image, struct gen_image *ret)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT((size_t)image->bytes + 1);
	size_t size = sodium_base64_encoded_len((size_t)image->bytes, sodium_base64_VARIANT_ORIGINAL);
	struct err quiet = {0};
	int r = blobs_read(t->all->settings->data, image->hash, &bytes, &quiet);
	char *text = r < 0 ? NULL : arena_alloc(&t->arena, size);

	if (r < 0 || bytes.n != (size_t)image->bytes)
		return E_NOT_FOUND;
	if (!text)
		return -ENOMEM;
	sodium_bin2base64(
		text, size, (const unsigned char *)buf_str(&bytes).p, bytes.n, sodium_base64_VARIANT_ORIGINAL);
	*ret = (struct gen_image){.media_type = arena_strdup(&t->arena, image->media_type), .data = text};
	return ret->media_type ? 0 : -ENOMEM;
}

static int say_left_out(struct turn *t, const struct image_row *image, struct gen_message *to)
{
	to->content = arena_printf(&t->arena, "[A picture stood here that is not shown to you%s%.200s]\n%s",
		*image->name ? ": " : "", image->name, to->content);
	return to->content ? 0 : -ENOMEM;
}

static size_t count_of(const struct pictures *p, atelier_id message_id)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->items[i].message_id == message_id;
	return n;
}

int pictures_give(struct turn *t, const struct pictures *p, const struct message *m, struct gen_message *to)
{
	size_t n = count_of(p, m->id);
	struct gen_image *images = n ? ARENA_ARRAY(&t->arena, struct gen_image, n) : NULL;
	int r = n && !images ? -ENOMEM : 0;

	to->images = images;
	for (size_t i = 0; images && r == 0 && i < p->n; i++) {
		const struct picture *x = &p->items[i];
		if (x->message_id != m->id)
			continue;
		r = x->sent ? load(t, &x->image, &images[to->n_images]) : E_NOT_FOUND;
		if (r == 0)
			to->n_images++;
		else if (r == E_NOT_FOUND)
			r = say_left_out(t, &x->image, to);
	}
	return r;
}
