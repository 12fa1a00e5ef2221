/* image_webp.c - WebP: a RIFF file, whose chunks are padded to even lengths. */
#include "base/image_priv.h"

#define HEAD      12 /* "RIFF", size, "WEBP" */
#define FLAG_EXIF 0x08
#define FLAG_XMP  0x04

static bool is(const unsigned char *p, const char *name)
{
	return memcmp(p, name, 4) == 0;
}

static bool stays(const unsigned char *name)
{
	return is(name, "VP8 ") || is(name, "VP8L") || is(name, "VP8X") || is(name, "ALPH") || is(name, "ICCP") ||
	       is(name, "ANIM") || is(name, "ANMF");
}

/* How large it is; false: not told as it should be. */
static bool take_size(struct image_walk *w, const unsigned char *name, const unsigned char *data, size_t n)
{
	if (is(name, "VP8X")) {
		if (n < 10)
			return false;
		w->width = le24(data + 4) + 1;
		w->height = le24(data + 7) + 1;
	} else if (is(name, "VP8 ") && !w->width) {
		if (n < 10 || data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a)
			return false;
		w->width = le16(data + 6) & 0x3fff;
		w->height = le16(data + 8) & 0x3fff;
	} else if (is(name, "VP8L") && !w->width) {
		if (n < 5 || data[0] != 0x2f)
			return false;
		w->width = (le32(data + 1) & 0x3fff) + 1;
		w->height = (le32(data + 1) >> 14 & 0x3fff) + 1;
	}
	return true;
}

static void add_orientation(struct image_walk *w)
{
	unsigned char chunk[8 + IMAGE_EXIF_SIZE] = {'E', 'X', 'I', 'F', IMAGE_EXIF_SIZE};

	image_exif(w->orientation, chunk + 8);
	buf_add(w->to, chunk, sizeof(chunk));
}

/* The flags say what is still there, and the size how long it is now. */
static void settle(struct image_walk *w, size_t begin, size_t extended)
{
	char *out = w->to->p + begin;
	size_t size = w->to->n - begin - 8;

	ASSERT(w->to->n >= begin + HEAD && extended < w->to->n - begin);
	if (extended)
		out[extended] =
			(char)((out[extended] & ~(FLAG_EXIF | FLAG_XMP)) | (w->orientation > 1 ? FLAG_EXIF : 0));
	for (int i = 0; i < 4; i++)
		out[4 + i] = (char)(size >> (8 * i));
}

bool image_webp(struct image_walk *w)
{
	size_t begin = w->to->n, extended = 0;
	bool pixels = false;

	w->in.n = MIN(w->in.n, (size_t)le32((const unsigned char *)w->in.p + 4) + 8);
	if (w->in.n < HEAD)
		return false;
	buf_add(w->to, w->in.p, HEAD);
	for (w->at = HEAD; image_has(w, 8);) {
		const unsigned char *p = image_here(w);
		size_t n = le32(p + 4), padded = n + (n & 1);
		if (!image_has(w, 8 + n) || !take_size(w, p, p + 8, n))
			return false;
		if (is(p, "VP8X"))
			extended = w->to->n - begin + 8;
		pixels |= is(p, "VP8 ") || is(p, "VP8L") || is(p, "ANMF");
		if (is(p, "EXIF") && extended && !w->orientation) {
			struct str exif = {(const char *)p + 8, n};
			bool named = str_starts(exif, STR("Exif\0\0"));
			image_take_orientation(w, named ? (struct str){exif.p + 6, exif.n - 6} : exif);
			if (w->orientation > 1)
				add_orientation(w);
		} else if (stays(p)) {
			buf_add(w->to, p, 8 + n);
			buf_add(w->to, "\0", padded - n);
		}
		w->at = MIN(w->at + 8 + padded, w->in.n);
	}
	if (buf_status(w->to) == 0)
		settle(w, begin, extended);
	return pixels;
}
