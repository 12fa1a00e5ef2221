/* images.c - pictures in requests: in a data: URL, or at an address. */
#include <sodium.h>
#include <strings.h>

#include "api/gateway/gateway_priv.h"
#include "http/client.h"

#define IMAGE_BYTES   ((size_t)10 << 20) /* of one that is fetched */
#define FETCH_MS      10000
#define FETCHES_MAX   16 /* of one request */
#define TYPE_MAX_SIZE 96

/* data:image/png;base64,iVBOR... */
static int read_data_url(struct gw_call *c, const char *url, struct gen_image *ret)
{
	const char *head = url + strlen("data:"), *comma = strchr(head, ','), *semicolon = strchr(head, ';');

	if (!comma || !semicolon || semicolon > comma || comma - semicolon < 7 ||
		strncasecmp(comma - 7, ";base64", 7) != 0 || strncasecmp(head, "image/", 6) != 0)
		return err_set(&c->q->err, E_INVALID,
			"An image in a data: URL must look like data:image/png;base64,iVBORw0...");
	*ret = (struct gen_image){
		.media_type = arena_strndup(&c->q->mem, head, (size_t)(semicolon - head)), .data = comma + 1};
	if (!ret->media_type)
		return request_no_memory(c->q);
	ret->media_type = gw_image_type(ret->media_type);
	return 0;
}

/* Programs write a name that is none, and providers take the right one alone. */
const char *gw_image_type(const char *type)
{
	bool jpeg = type && (strcasecmp(type, "image/jpg") == 0 || strcasecmp(type, "image/pjpeg") == 0);

	return jpeg ? "image/jpeg" : type;
}

/* Ollama takes no addresses; the others get the picture themselves. */
static bool wants_bytes(struct gw_call *c)
{
	return strcmp(gw_target_kind(c), "ollama") == 0;
}

static const char *image_type(const char *type)
{
	static const char *const known[] = {"image/png", "image/jpeg", "image/webp", "image/gif"};

	for (size_t i = 0; i < N_ELEMENTS(known); i++) {
		if (media_type_is(gw_image_type(type), known[i]))
			return known[i];
	}
	return NULL;
}

static int fetch(struct gw_call *c, const char *url, struct gen_image *ret)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(IMAGE_BYTES);
	struct request *q = c->q;
	char type[TYPE_MAX_SIZE] = "";
	int r;

	if (++c->n_fetched > FETCHES_MAX)
		return err_set(&q->err, E_INVALID,
			"At most %d images are fetched for one request; send them as data: URLs.", FETCHES_MAX);
	r = http_client_get_public(q->api->c.http, url, FETCH_MS, c->cancel, &bytes, type, &q->err);
	if (r < 0)
		return r;
	ret->media_type = image_type(type);
	if (!ret->media_type)
		return err_set(&q->err, E_INVALID, "What is at the address of an image is no PNG, JPEG, WebP or GIF.");
	size_t size = sodium_base64_encoded_len(bytes.n, sodium_base64_VARIANT_ORIGINAL);
	char *text = arena_alloc(&q->mem, size);
	if (!text)
		return request_no_memory(q);
	sodium_bin2base64(
		text, size, (const unsigned char *)buf_str(&bytes).p, bytes.n, sodium_base64_VARIANT_ORIGINAL);
	ret->data = text;
	return 0;
}

int gw_read_image(struct gw_call *c, const char *url, struct gen_image *ret)
{
	if (strncasecmp(url, "data:", 5) == 0)
		return read_data_url(c, url, ret);
	if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0)
		return err_set(&c->q->err, E_INVALID, "An image must be a data: URL or an http(s) address.");
	*ret = (struct gen_image){.url = url};
	if (!wants_bytes(c))
		return 0;
	ret->url = NULL;
	return fetch(c, url, ret);
}
