/* image_jpeg.c - JPEG: markers with segments behind them, and coded data between. */
#include "base/image_priv.h"

enum {
	SOI = 0xd8,
	EOI = 0xd9,
	SOS = 0xda,
	RST0 = 0xd0,
	TEM = 0x01,
	APP0 = 0xe0,
	APP1 = 0xe1,
	APP2 = 0xe2,
	APP14 = 0xee,
	APP15 = 0xef,
	COM = 0xfe,
};

static bool is_frame(unsigned char marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* Of the data of programs: the plain header, the colour profile, and how colours are coded. */
static bool stays(unsigned char marker, struct str data)
{
	if (marker == APP0)
		return str_starts(data, STR("JFIF\0"));
	if (marker == APP2)
		return str_starts(data, STR("ICC_PROFILE\0"));
	if (marker == APP14)
		return str_starts(data, STR("Adobe"));
	return marker != COM && (marker < APP0 || marker > APP15);
}

static void add_orientation(struct image_walk *w)
{
	unsigned char segment[10 + IMAGE_EXIF_SIZE] = {0xff, APP1, 0, 8 + IMAGE_EXIF_SIZE, 'E', 'x', 'i', 'f', 0, 0};

	image_exif(w->orientation, segment + 10);
	buf_add(w->to, segment, sizeof(segment));
}

/* Copies coded data up to the next marker. False: there is none, or the picture ends in it. */
static bool copy_coded(struct image_walk *w)
{
	size_t begin = w->at;

	while (image_has(w, 2)) {
		const unsigned char *p = image_here(w), *ff = memchr(p, 0xff, w->in.n - w->at - 1);
		if (!ff)
			return false;
		w->at += (size_t)(ff - p);
		if (ff[1] != 0 && ff[1] != 0xff && (ff[1] < RST0 || ff[1] > RST0 + 7)) {
			buf_add(w->to, w->in.p + begin, w->at - begin);
			return w->at > begin;
		}
		w->at += ff[1] == 0xff ? 1 : 2;
	}
	return false;
}

/* One segment: marker, length and data. */
static bool take_segment(struct image_walk *w, unsigned char marker)
{
	const unsigned char *p = image_here(w);
	uint32_t n = image_has(w, 4) ? be16(p + 2) : 0;

	if (n < 2 || !image_has(w, (size_t)n + 2))
		return false;
	struct str data = {(const char *)p + 4, n - 2};
	if (is_frame(marker) && data.n >= 6) {
		w->height = be16(p + 5);
		w->width = be16(p + 7);
	}
	if (marker == APP1 && !w->orientation && str_starts(data, STR("Exif\0\0"))) {
		image_take_orientation(w, (struct str){data.p + 6, data.n - 6});
		if (w->orientation > 1)
			add_orientation(w);
	} else if (stays(marker, data)) {
		buf_add(w->to, p, (size_t)n + 2);
	}
	w->at += (size_t)n + 2;
	return true;
}

/* What stands behind the end (a film, further pictures) is left out. A picture without its end has lost some of its rows. */
bool image_jpeg(struct image_walk *w)
{
	static const unsigned char end[] = {0xff, EOI};
	bool coded = false;

	buf_add(w->to, w->in.p, 2);
	for (w->at = 2; image_has(w, 2);) {
		const unsigned char *p = image_here(w);
		if (p[0] != 0xff)
			return false;
		if (p[1] == 0xff) { /* filling */
			w->at++;
			continue;
		}
		if (p[1] == EOI) {
			buf_add(w->to, end, sizeof(end));
			return coded;
		}
		if (p[1] == SOI || p[1] == 0 || p[1] == TEM || (p[1] >= RST0 && p[1] <= RST0 + 7) ||
			!take_segment(w, p[1]))
			return false;
		if (p[1] == SOS) {
			coded = true;
			if (!copy_coded(w))
				return false;
		}
	}
	return false;
}
