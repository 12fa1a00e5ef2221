/* upload_metadata.h - what a client says of an upload, as the protocol tus has it: "name BASE64,name BASE64,name". */
#pragma once

#include "base/arena.h"

/* Names have neither blanks nor commas, values are whole base64; a value may be missing. "": nothing is said, which is fine. */
bool upload_metadata_valid(const char *text) MUST_CHECK;
/* The value of the first pair of the name, as text; NULL: there is none, it is empty, or there is no memory for it. */
const char *upload_metadata_get(const char *text, const char *name, struct arena *a);
