/* Pictures: their kind and size, what is left out of them, and what is refused. The files are those of the fuzz target. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/image.h"

#define FILE_MAX 8192

static struct buf read_file(const char *name)
{
	struct buf b = BUF_INIT(FILE_MAX);
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *p = buf_reserve(&b, FILE_MAX - 1);
	assert_non_null(p);
	b.n = fread(p, 1, FILE_MAX - 1, f);
	fclose(f);
	return b;
}

static bool has(const struct buf *b, const char *word)
{
	return memmem(b->p, b->n, word, strlen(word)) != NULL;
}

/* Pictures of 6 by 4, those with EXIF turned by a quarter. */
static void test_taken(void **state UNUSED)
{
	static const struct {
		const char *name, *type;
		bool turned, secret;
	} files[] = {{"exif.jpg", "image/jpeg", true, true}, {"progressive.jpg", "image/jpeg", false, false},
		{"exif.png", "image/png", true, true}, {"palette.png", "image/png", false, false},
		{"moves.png", "image/png", false, false}, {"exif.webp", "image/webp", true, true},
		{"lossless.webp", "image/webp", false, false}, {"plain.webp", "image/webp", false, false},
		{"moves.webp", "image/webp", false, false}, {"moves.gif", "image/gif", false, true}};

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		CLEANUP(buf_done) struct buf in = read_file(files[i].name), out = BUF_INIT(FILE_MAX);
		struct image image;
		struct err e = {0};

		assert_int_equal(has(&in, "SECRET"), files[i].secret);
		assert_int_equal(image_clean(buf_str(&in), &out, &image, &e), 0);
		assert_int_equal(buf_status(&out), 0);
		assert_string_equal(image_media_type(image.type), files[i].type);
		assert_int_equal(image.width, files[i].turned ? 4 : 6);
		assert_int_equal(image.height, files[i].turned ? 6 : 4);
		assert_false(has(&out, "SECRET"));
		assert_false(has(&out, "xmp"));
		assert_true(out.n < in.n + 3);
	}
}

/* What says nothing in vain stays byte for byte. */
static void test_untouched(void **state UNUSED)
{
	static const char *const names[] = {"plain.jpg", "palette.png", "plain.webp", "lossless.webp", "moves.webp"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP(buf_done) struct buf in = read_file(names[i]), out = BUF_INIT(FILE_MAX);
		struct image image;
		struct err e = {0};

		assert_int_equal(image_clean(buf_str(&in), &out, &image, &e), 0);
		assert_int_equal(out.n, in.n);
		assert_memory_equal(out.p, in.p, in.n);
	}
}

static void test_refused(void **state UNUSED)
{
	static const struct {
		const char *name, *words;
	} files[] = {{"photo.heic", "HEIC pictures cannot"}, {"photo.avif", "AVIF pictures cannot"},
		{"no.bmp", "no PNG, JPEG, WebP or GIF"}, {"empty", "empty"}, {"cut.png", "damaged or cut off"},
		{"sig.png", "damaged or cut off"}, {"claims.png", "damaged or cut off"},
		{"riff.webp", "damaged or cut off"}, {"cut.jpg", "damaged or cut off"},
		{"noend.jpg", "damaged or cut off"}, {"halfend.jpg", "damaged or cut off"},
		{"nopixels.jpg", "damaged or cut off"}, {"noscan.jpg", "damaged or cut off"}};

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		CLEANUP(buf_done) struct buf in = read_file(files[i].name), out = BUF_INIT(FILE_MAX);
		struct image image;
		struct err e = {0};

		assert_int_equal(image_clean(buf_str(&in), &out, &image, &e), E_INVALID);
		assert_non_null(strstr(e.msg, files[i].words));
	}
}

/* However little of a picture's end is missing. */
static void test_cut_anywhere(void **state UNUSED)
{
	static const char *const names[] = {"plain.jpg", "progressive.jpg", "plain.webp", "palette.png"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP(buf_done) struct buf in = read_file(names[i]);

		for (size_t n = 16; n < in.n; n++) {
			CLEANUP(buf_done) struct buf out = BUF_INIT(FILE_MAX);
			struct image image;
			struct err e = {0};

			assert_int_equal(image_clean((struct str){in.p, n}, &out, &image, &e), E_INVALID);
			assert_non_null(strstr(e.msg, "damaged or cut off"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
