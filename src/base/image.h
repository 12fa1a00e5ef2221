/*
 * image.h - pictures as bytes: which kind they are, how large, and a copy without what they say of place, time and person.
 * Nothing is decoded: the containers of four kinds are walked, and what is not needed to show the picture is left out.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"

enum image_type { IMAGE_PNG, IMAGE_JPEG, IMAGE_WEBP, IMAGE_GIF };

struct image {
	enum image_type type;
	uint32_t width, height; /* as it is shown: turned by its orientation */
};

const char *image_media_type(enum image_type type);      /* "image/png" */
const char *image_media_literal(const char *media_type); /* the same text, that lives for ever; NULL: of no picture */

/*
 * Looks at the bytes alone, whatever they are called, and adds to `to` the picture without metadata: of EXIF only the
 * orientation stays; XMP, IPTC, comments, thumbnails and what stands behind the end of the picture are gone. Colour profiles
 * and animations stay. E_INVALID with a sentence for what is no such picture, or is damaged. What `to` holds is good only
 * when its status is.
 */
int image_clean(struct str bytes, struct buf *to, struct image *ret, struct err *e) MUST_CHECK;
