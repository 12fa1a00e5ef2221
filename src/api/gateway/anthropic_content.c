/* anthropic_content.c - blocks of content: texts, images, documents. */
#include <strings.h>

#include "api/gateway/anthropic.h"

void anthropic_pieces_done(struct anthropic_pieces *p)
{
	buf_done(&p->text);
}

int anthropic_add_text(struct anthropic_pieces *p, const char *text)
{
	struct gen_image *last = p->n_images > 0 ? &p->images[p->n_images - 1] : NULL;

	if (p->n_texts++ == 0) {
		p->only = text;
		p->n_bytes = strlen(text);
		return 0;
	}
	if (p->n_texts == 2) {
		p->text = BUF_INIT(REQUEST_MEMORY);
		buf_add_str(&p->text, p->only);
	}
	if (last && last->at == p->n_bytes)
		last->gap = strlen(p->separator);
	buf_add_str(&p->text, p->separator);
	buf_add_str(&p->text, text);
	p->n_bytes = p->text.n;
	return buf_status(&p->text);
}

int anthropic_pieces_text(struct gw_call *c, struct anthropic_pieces *p, const char **ret)
{
	*ret = p->n_texts == 0 ? "" : p->only;
	if (p->n_texts < 2)
		return 0;
	*ret = arena_strndup(&c->q->mem, p->text.p, p->text.n);
	return *ret ? 0 : request_no_memory(c->q);
}

/* ---- images ---- */

static bool is_image_type(const char *type)
{
	static const char *const types[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};

	for (size_t i = 0; type && i < N_ELEMENTS(types); i++) {
		if (strcasecmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

static int read_source(struct gw_call *c, const json_t *source, struct gen_image *ret)
{
	const char *type = json_get_str(source, "type"), *data = json_get_str(source, "data");
	const char *url = json_get_str(source, "url"), *media = json_get_str(source, "media_type");
	struct err *e = &c->q->err;

	if (type && strcmp(type, "url") == 0 && url)
		return gw_read_image(c, url, ret);
	if (type && strcmp(type, "file") == 0)
		return err_set(e, E_MODEL_CANNOT, "Images by file_id are not kept here: send the image itself.");
	if (!type || strcmp(type, "base64") != 0 || !data)
		return err_set(e, E_INVALID, "The source of an image must be of type base64 (with data) or url.");
	if (strncasecmp(data, "data:", 5) == 0)
		return gw_read_image(c, data, ret);
	media = gw_image_type(media);
	if (!is_image_type(media))
		return err_set(e, E_INVALID,
			"The media_type of an image must be image/png, image/jpeg, image/gif or image/webp.");
	*ret = (struct gen_image){.media_type = media, .data = data};
	return 0;
}

static int read_image(struct gw_call *c, const json_t *block, struct anthropic_pieces *p)
{
	struct gen_image image = {0};
	int r = read_source(c, json_object_get(block, "source"), &image);

	if (r < 0)
		return r;
	if (p->n_images == p->max_images) {
		size_t max = p->max_images ? 2 * p->max_images : 4;
		struct gen_image *more = ARENA_ARRAY(&c->q->mem, struct gen_image, max);

		if (!more)
			return request_no_memory(c->q);
		if (p->n_images > 0)
			memcpy(more, p->images, p->n_images * sizeof(*more));
		p->images = more;
		p->max_images = max;
	}
	image.at = p->n_bytes;
	p->images[p->n_images++] = image;
	return 0;
}

/* ---- documents ---- */

static int add_title(struct gw_call *c, const json_t *block, struct anthropic_pieces *p)
{
	const char *title = json_get_str(block, "title"), *line;

	if (!title || !*title)
		return 0;
	line = arena_printf(&c->q->mem, "# %s", title);
	return line ? anthropic_add_text(p, line) : request_no_memory(c->q);
}

static int read_document(struct gw_call *c, const json_t *block, bool lenient, struct anthropic_pieces *p)
{
	const json_t *source = json_object_get(block, "source");
	const char *type = json_get_str(source, "type"), *data = json_get_str(source, "data");
	bool text = type && strcmp(type, "text") == 0 && data;
	int r;

	if (!text && !(type && strcmp(type, "content") == 0))
		return err_set(&c->q->err, E_MODEL_CANNOT,
			"The model %.150s reads documents only as text (source of type text or content), no PDF and no "
			"files.",
			c->model);
	r = add_title(c, block, p);
	if (r < 0)
		return r;
	return text ? anthropic_add_text(p, data)
		    : anthropic_read_blocks(c, json_object_get(source, "content"), lenient, p);
}

static int read_search_result(struct gw_call *c, const json_t *block, bool lenient, struct anthropic_pieces *p)
{
	const char *source = json_get_str(block, "source");
	int r = add_title(c, block, p);

	if (r == 0 && source)
		r = anthropic_add_text(p, source);
	return r < 0 ? r : anthropic_read_blocks(c, json_object_get(block, "content"), lenient, p);
}

/* ---- blocks ---- */

static int read_text(struct gw_call *c, const json_t *block, struct anthropic_pieces *p)
{
	const char *text = json_get_str(block, "text");

	if (!text)
		return err_set(&c->q->err, E_INVALID, "A block of type text has no \"text\".");
	return anthropic_add_text(p, text);
}

int anthropic_read_block(struct gw_call *c, const json_t *block, bool lenient, struct anthropic_pieces *p)
{
	const char *type = json_get_str(block, "type");
	int r;

	if (!type)
		return err_set(&c->q->err, E_INVALID, "A block of content has no \"type\".");
	if (strcmp(type, "text") == 0)
		return read_text(c, block, p);
	if (!lenient && json_is_true(json_object_get(json_object_get(block, "citations"), "enabled")))
		gw_ignore(c, "messages.citations");
	if (strcmp(type, "image") == 0)
		r = read_image(c, block, p);
	else if (strcmp(type, "document") == 0)
		r = read_document(c, block, lenient, p);
	else if (strcmp(type, "search_result") == 0)
		r = read_search_result(c, block, lenient, p);
	else
		r = err_set(&c->q->err, E_MODEL_CANNOT, "The model %.120s takes no content of type \"%.60s\".",
			c->model, type);
	if (r != E_MODEL_CANNOT || !lenient)
		return r;
	err_clear(&c->q->err);
	return 0;
}

int anthropic_read_blocks(struct gw_call *c, const json_t *content, bool lenient, struct anthropic_pieces *p)
{
	int r = 0;

	if (!content || json_is_null(content))
		return 0;
	if (json_is_string(content))
		return anthropic_add_text(p, json_string_value(content));
	if (!json_is_array(content))
		return err_set(&c->q->err, E_INVALID, "\"content\" must be a string or an array of blocks.");
	for (size_t i = 0; i < json_array_size(content) && r == 0; i++)
		r = anthropic_read_block(c, json_array_get(content, i), lenient, p);
	return r;
}
