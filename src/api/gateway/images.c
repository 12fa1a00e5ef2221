/* images.c - pictures and files in requests: in a data: URL, or, pictures, at an address. */
#include <sodium.h>
#include <strings.h>

#include "api/gateway/gateway_priv.h"
#include "base/utf8.h"
#include "http/client.h"

#define IMAGE_BYTES   ((size_t)10 << 20) /* of one that is fetched */
#define FETCH_MS      10000
#define FETCHES_MAX   16 /* of one request */
#define TYPE_MAX_SIZE 96

const char *gw_type_of_base64(const char *data)
{
	static const struct {
		const char *begin, *type;
	} kinds[] = {
		{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"}};

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		if (strncmp(data, kinds[i].begin, strlen(kinds[i].begin)) == 0)
			return kinds[i].type;
	}
	return NULL;
}

const char *gw_plain_base64(struct gw_call *c, const char *base64)
{
	size_t n = 0;

	if (!strpbrk(base64, " \t\r\n"))
		return base64;
	char *ret = arena_alloc(&c->q->mem, strlen(base64) + 1);
	for (const char *p = base64; ret && *p; p++) {
		if (!strchr(" \t\r\n", *p))
			ret[n++] = *p;
	}
	return ret;
}

bool gw_is_base64(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
	       pad = strspn(text + n, "=");

	return n > 0 && pad <= 2 && text[n + pad] == '\0' && (pad == 0 ? n % 4 != 1 : (n + pad) % 4 == 0);
}

/* data:image/png;base64,iVBOR... - without a type, or with one that says nothing, the picture itself tells. */
static int read_data_url(struct gw_call *c, const char *url, struct gen_image *ret)
{
	const char *head = url + strlen("data:"), *comma = strchr(head, ','), *type;
	size_t n = strcspn(head, ";,");
	bool named = n >= 6 && strncasecmp(head, "image/", 6) == 0;

	type = comma && !named ? gw_type_of_base64(comma + 1) : NULL;
	if (!comma || comma[1] == '\0' || comma - head < 7 || strncasecmp(comma - 7, ";base64", 7) != 0 ||
		(!named && !type))
		return err_set(&c->q->err, E_INVALID,
			"An image in a data: URL must look like data:image/png;base64,iVBORw0...");
	*ret = (struct gen_image){
		.media_type = type ? type : arena_strndup(&c->q->mem, head, n), .data = gw_plain_base64(c, comma + 1)};
	if (!ret->media_type || !ret->data)
		return request_no_memory(c->q);
	ret->media_type = gw_image_type(ret->media_type);
	return 0;
}

/* ---- files ---- */

static bool is_text_type(const char *type, size_t n)
{
	static const char *const types[] = {"application/json", "application/xml", "application/javascript",
		"application/x-yaml", "application/yaml", "application/toml", "application/sql", "application/x-sh"};

	if (n >= 5 && strncasecmp(type, "text/", 5) == 0)
		return true;
	for (size_t i = 0; i < N_ELEMENTS(types); i++) {
		if (strlen(types[i]) == n && strncasecmp(type, types[i], n) == 0)
			return true;
	}
	return false;
}

/* The file's text behind a line with its name. */
static int read_text_file(struct gw_call *c, const char *base64, const char *name, const char **ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);
	size_t n = strlen(base64), got = 0;
	char *bytes = arena_alloc(&c->q->mem, n + 1);

	if (!bytes)
		return request_no_memory(c->q);
	if (sodium_base642bin(
		    (unsigned char *)bytes, n, base64, n, " \r\n", &got, NULL, sodium_base64_VARIANT_ORIGINAL) < 0)
		return E_INVALID;
	if (name && *name)
		buf_printf(&b, "# %.200s\n\n", name);
	utf8_add_repaired(&b, bytes, got);
	if (buf_status(&b) < 0 || memchr(b.p ? b.p : "", '\0', b.n))
		return E_INVALID;
	*ret = arena_strndup(&c->q->mem, buf_str(&b).p, b.n);
	return *ret ? 0 : request_no_memory(c->q);
}

int gw_read_file(struct gw_call *c, const char *url, const char *name, struct gen_image *ret, const char **ret_text)
{
	const char *head = url + strlen("data:"), *comma = strchr(url, ',');
	size_t n;

	if (strncasecmp(url, "data:", 5) != 0 || !comma || comma - head < 7 ||
		strncasecmp(comma - 7, ";base64", 7) != 0)
		return E_INVALID;
	n = strcspn(head, ";,");
	if (is_text_type(head, n))
		return read_text_file(c, comma + 1, name, ret_text);
	if (n != strlen("application/pdf") || strncasecmp(head, "application/pdf", n) != 0)
		return E_INVALID;
	*ret = (struct gen_image){
		.media_type = "application/pdf", .data = comma + 1, .file_name = name && *name ? name : "document.pdf"};
	return gw_target_can(c, API_ADDRESSES) ? 0 : E_INVALID;
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
	return !gw_target_can(c, API_ADDRESSES);
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
