/* fuzz_image.c - any bytes as a picture: what is taken is taken again as it is, with the same size, and is hardly longer. */
#include <stdint.h>

#include "base/image.h"

#define MORE 64 /* an orientation that stands alone, and an end that was missing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = BUF_INIT(size + MORE), twice = BUF_INIT(size + MORE);
	struct image first, second;
	struct err e = {0};

	if (image_clean((struct str){(const char *)data, size}, &once, &first, &e) == 0) {
		if (buf_status(&once) < 0 || image_clean(buf_str(&once), &twice, &second, &e) < 0 ||
			!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
		if (first.type != second.type || first.width != second.width || first.height != second.height)
			abort();
	} else if (e.code >= 0 || !e.msg[0]) {
		abort();
	}
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
