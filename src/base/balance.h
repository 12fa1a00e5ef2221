/* balance.h - whether the tags of a text that is structured like XML are balanced. */
#pragma once

#include "base/base.h"

struct balance_fault {
	size_t line, column; /* from 1; columns in characters */
	char text[120];      /* a sentence */
};

/* The first tag that is not closed, closes nothing, or closes another one; false: there is none. What is no tag (a < before
 * anything but a letter or /) is text. Comments, CDATA, and instructions are passed over; a {{variable}} is text. */
bool balance_check(const char *text, struct balance_fault *ret);
