/* image.c - which kind of picture it is, and what EXIF says of how to turn it. */
#include "base/image_priv.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT      3
#define ENTRY_SIZE      12

/* By their number, which is stored nowhere; each is tried on the bytes, whatever a file is called. */
static const struct {
	const char *media_type;
	bool (*read)(struct image_walk *w);
} kinds[] = {
	[IMAGE_PNG] = {"image/png", image_png},
	[IMAGE_JPEG] = {"image/jpeg", image_jpeg},
	[IMAGE_WEBP] = {"image/webp", image_webp},
	[IMAGE_GIF] = {"image/gif", image_gif},
};

_Static_assert(N_ELEMENTS(kinds) == IMAGE_GIF + 1, "each type has its row");

const char *image_media_type(enum image_type type)
{
	ASSERT((size_t)type < N_ELEMENTS(kinds));
	return kinds[type].media_type;
}

const char *image_media_literal(const char *media_type)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		if (strcmp(kinds[i].media_type, media_type) == 0)
			return kinds[i].media_type;
	}
	return NULL;
}

/* ---- the orientation ---- */

void image_take_orientation(struct image_walk *w, struct str exif)
{
	const unsigned char *p = (const unsigned char *)exif.p;
	bool little = str_starts(exif, STR("II*\0"));

	if (exif.n < 8 || (!little && !str_starts(exif, STR("MM\0*"))))
		return;
	size_t at = little ? le32(p + 4) : be32(p + 4);
	if (at > exif.n || exif.n - at < 2)
		return;
	uint32_t n = little ? le16(p + at) : be16(p + at);
	at += 2;
	for (; n && exif.n - at >= ENTRY_SIZE; n--, at += ENTRY_SIZE) {
		uint32_t tag = little ? le16(p + at) : be16(p + at),
			 type = little ? le16(p + at + 2) : be16(p + at + 2);
		uint32_t value = little ? le16(p + at + 8) : be16(p + at + 8);
		if (tag != TAG_ORIENTATION)
			continue;
		if (type == TYPE_SHORT && value >= 1 && value <= 8)
			w->orientation = value;
		return;
	}
}

void image_exif(unsigned orientation, unsigned char ret[IMAGE_EXIF_SIZE])
{
	/* Header, one entry, no further directory. */
	static const unsigned char plain[IMAGE_EXIF_SIZE] = {
		'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, TYPE_SHORT, 0, 1, 0, 0, 0};

	ASSERT(orientation >= 1 && orientation <= 8);
	memcpy(ret, plain, IMAGE_EXIF_SIZE);
	ret[18] = (unsigned char)orientation;
}

/* ---- the kind ---- */

/* Kinds that people send and that not every browser or model takes, by their brand. */
static const char *name_of_brand(const unsigned char *p)
{
	static const struct {
		const char *brand, *name;
	} brands[] = {{"heic", "HEIC"}, {"heix", "HEIC"}, {"hevc", "HEIC"}, {"heim", "HEIC"}, {"heis", "HEIC"},
		{"mif1", "HEIC"}, {"msf1", "HEIC"}, {"avif", "AVIF"}, {"avis", "AVIF"}};

	for (size_t i = 0; i < N_ELEMENTS(brands); i++) {
		if (memcmp(p, brands[i].brand, 4) == 0)
			return brands[i].name;
	}
	return NULL;
}

static int refuse(struct str in, struct err *e)
{
	const unsigned char *p = (const unsigned char *)in.p;
	const char *name = in.n >= 12 && memcmp(p + 4, "ftyp", 4) == 0 ? name_of_brand(p + 8) : NULL;

	if (in.n == 0)
		return err_set(e, E_INVALID, "The picture is empty.");
	if (name)
		return err_set(e, E_INVALID,
			"%s pictures cannot be used here. Save the picture as JPEG or PNG and send that.", name);
	return err_set(e, E_INVALID, "This is no PNG, JPEG, WebP or GIF picture.");
}

static int find_kind(struct str in)
{
	if (str_starts(in, STR("\x89PNG\r\n\x1a\n")))
		return IMAGE_PNG;
	if (str_starts(in, STR("\xff\xd8\xff")))
		return IMAGE_JPEG;
	if (str_starts(in, STR("GIF87a")) || str_starts(in, STR("GIF89a")))
		return IMAGE_GIF;
	if (in.n >= 12 && str_starts(in, STR("RIFF")) && memcmp(in.p + 8, "WEBP", 4) == 0)
		return IMAGE_WEBP;
	return -1;
}

int image_clean(struct str bytes, struct buf *to, struct image *ret, struct err *e)
{
	struct image_walk w = {.in = bytes, .to = to};
	int kind = find_kind(bytes);

	if (kind < 0)
		return refuse(bytes, e);
	if (!kinds[kind].read(&w) || !w.width || !w.height)
		return err_set(e, E_INVALID, "The picture is damaged or cut off. Send it once more.");
	bool turned = w.orientation >= 5; /* by a quarter */
	*ret = (struct image){.type = (enum image_type)kind,
		.width = turned ? w.height : w.width,
		.height = turned ? w.width : w.height};
	return 0;
}
