/* fuzz_ndjson.c - an Ollama stream, in one piece and in two. */
#include "fuzz_dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return fuzz_dialect(&ollama_dialect, p, n);
}
