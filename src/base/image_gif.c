/* image_gif.c - GIF: a screen, then pictures and extensions, whose data come in blocks of up to 255 bytes. */
#include "base/image_priv.h"

enum { HEAD = 13, IMAGE_HEAD = 10, EXTENSION = 0x21, IMAGE = 0x2c, TRAILER = 0x3b, CONTROL = 0xf9, APPLICATION = 0xff };

/* The bytes of a table of colours behind these flags. */
static size_t table_size(unsigned char flags)
{
	return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Goes behind the blocks that begin here; false: they do not end. */
static bool skip_blocks(struct image_walk *w)
{
	while (image_has(w, 1)) {
		unsigned n = *image_here(w);
		if (!image_has(w, (size_t)n + 1))
			return false;
		w->at += (size_t)n + 1;
		if (n == 0)
			return true;
	}
	return false;
}

/* How long a picture is shown, and how often; comments and the data of programs are not needed. */
static bool stays(struct str extension)
{
	const char *p = extension.p;

	if ((unsigned char)p[1] == CONTROL)
		return true;
	return (unsigned char)p[1] == APPLICATION && extension.n >= 14 && p[2] == 11 &&
	       (memcmp(p + 3, "NETSCAPE2.0", 11) == 0 || memcmp(p + 3, "ANIMEXTS1.0", 11) == 0);
}

static bool take_extension(struct image_walk *w)
{
	size_t begin = w->at;

	if (!image_has(w, 2))
		return false;
	w->at += 2;
	if (!skip_blocks(w))
		return false;
	struct str whole = {w->in.p + begin, w->at - begin};
	if (stays(whole))
		buf_add(w->to, whole.p, whole.n);
	return true;
}

static bool take_image(struct image_walk *w)
{
	size_t begin = w->at, n;

	if (!image_has(w, IMAGE_HEAD))
		return false;
	n = IMAGE_HEAD + table_size(image_here(w)[9]) + 1; /* and the size of its codes */
	if (!image_has(w, n))
		return false;
	w->at += n;
	if (!skip_blocks(w))
		return false;
	buf_add(w->to, w->in.p + begin, w->at - begin);
	return true;
}

bool image_gif(struct image_walk *w)
{
	const unsigned char *head = image_here(w);
	size_t n;
	bool pixels = false;

	if (!image_has(w, HEAD))
		return false;
	w->width = le16(head + 6);
	w->height = le16(head + 8);
	n = HEAD + table_size(head[10]);
	if (!image_has(w, n))
		return false;
	buf_add(w->to, head, n);
	for (w->at = n; image_has(w, 1) && *image_here(w) != TRAILER;) {
		unsigned char kind = *image_here(w);
		if (kind == IMAGE ? !take_image(w) : kind == EXTENSION ? !take_extension(w) : true)
			return false;
		pixels |= kind == IMAGE;
	}
	buf_add_char(w->to, TRAILER);
	return pixels;
}
