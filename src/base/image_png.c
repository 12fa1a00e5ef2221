/* image_png.c - PNG: a signature and chunks of length, name, data and checksum. */
#include "base/image_priv.h"

#define SIGNATURE 8
#define AROUND    12 /* bytes of a chunk beside its data */

static uint32_t crc_of(const unsigned char *p, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

/* What a picture needs, how its colours are meant, and animations; text, times and what nobody knows is not. */
static bool stays(const unsigned char *name)
{
	static const char kept[][5] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB",
		"cICP", "mDCV", "cLLI", "bKGD", "pHYs", "acTL", "fcTL", "fdAT"};

	for (size_t i = 0; i < N_ELEMENTS(kept); i++) {
		if (memcmp(name, kept[i], 4) == 0)
			return true;
	}
	return false;
}

static void add_be32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static void add_orientation(struct image_walk *w)
{
	unsigned char chunk[IMAGE_EXIF_SIZE + AROUND] = {0, 0, 0, IMAGE_EXIF_SIZE, 'e', 'X', 'I', 'f'};

	image_exif(w->orientation, chunk + 8);
	add_be32(chunk + 8 + IMAGE_EXIF_SIZE, crc_of(chunk + 4, IMAGE_EXIF_SIZE + 4));
	buf_add(w->to, chunk, sizeof(chunk));
}

bool image_png(struct image_walk *w)
{
	bool first = true, pixels = false;

	buf_add(w->to, w->in.p, SIGNATURE);
	for (w->at = SIGNATURE; image_has(w, AROUND);) {
		const unsigned char *p = image_here(w);
		uint32_t n = be32(p);
		if (!image_has(w, (size_t)n + AROUND) || first != (memcmp(p + 4, "IHDR", 4) == 0))
			return false;
		if (first) {
			if (n != 13)
				return false;
			w->width = be32(p + 8);
			w->height = be32(p + 12);
		}
		first = false;
		pixels |= memcmp(p + 4, "IDAT", 4) == 0;
		if (memcmp(p + 4, "eXIf", 4) == 0 && !w->orientation) {
			image_take_orientation(w, (struct str){(const char *)p + 8, n});
			if (w->orientation > 1)
				add_orientation(w);
		} else if (stays(p + 4)) {
			buf_add(w->to, p, (size_t)n + AROUND);
		}
		if (memcmp(p + 4, "IEND", 4) == 0)
			return pixels;
		w->at += (size_t)n + AROUND;
	}
	return false;
}
