/* passages.h - what the files of `passages` share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DIMS 768

void vector_of(uint64_t number, float ret[DIMS]);   /* of a passage, of length 1 */
void question_of(uint64_t number, float ret[DIMS]); /* near it */

/* `questions`: 50 lines or more. An exit status. */
int run_peers(const char *extension, const char *passages, const char *questions, size_t n);
