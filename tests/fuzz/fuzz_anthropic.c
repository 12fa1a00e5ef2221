/* fuzz_anthropic.c - a stream of the Messages API, in one piece and in two. */
#include "fuzz_dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return fuzz_dialect(&anthropic_dialect, p, n);
}
