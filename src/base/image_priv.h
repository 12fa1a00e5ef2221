/* image_priv.h - what the kinds of pictures share. Each reader walks the container and copies what stays. */
#pragma once

#include "base/image.h"

/* A picture being walked. `at` is never above in.n. */
struct image_walk {
	struct str in;
	size_t at;
	struct buf *to;
	uint32_t width, height; /* as stored */
	unsigned orientation;   /* 1 to 8, as EXIF has it; 0: not told */
};

/* Whether that many bytes are left. */
UNUSED static inline bool image_has(const struct image_walk *w, size_t n)
{
	ASSERT(w->at <= w->in.n); /* else all bytes of the memory behind it were "left" */
	return w->in.n - w->at >= n;
}

UNUSED static inline const unsigned char *image_here(const struct image_walk *w)
{
	return (const unsigned char *)w->in.p + w->at;
}

UNUSED static inline uint32_t be16(const unsigned char *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

UNUSED static inline uint32_t be32(const unsigned char *p)
{
	return be16(p) << 16 | be16(p + 2);
}

UNUSED static inline uint32_t le16(const unsigned char *p)
{
	return (uint32_t)p[1] << 8 | p[0];
}

UNUSED static inline uint32_t le24(const unsigned char *p)
{
	return (uint32_t)p[2] << 16 | le16(p);
}

UNUSED static inline uint32_t le32(const unsigned char *p)
{
	return le16(p + 2) << 16 | le16(p);
}

/* The readers: false when the picture is damaged or cut off. The signature has been seen. */
bool image_png(struct image_walk *w);
bool image_jpeg(struct image_walk *w);
bool image_webp(struct image_walk *w);
bool image_gif(struct image_walk *w);

/* Notes the orientation in the EXIF data (a TIFF header and its first directory); what cannot be read says nothing. */
void image_take_orientation(struct image_walk *w, struct str exif);

/* EXIF data that tell the orientation alone. */
#define IMAGE_EXIF_SIZE 26
void image_exif(unsigned orientation, unsigned char ret[IMAGE_EXIF_SIZE]);
