/* watch.h - a thread that checks once a second whether the program can do its work, and says so in sys/health.h. */
#pragma once

#include "api/request.h"

struct watch;

/* Checks once before it returns. The turns must be known to the api. */
int watch_new(struct api *a, struct watch **ret, struct err *e) MUST_CHECK;
void watch_free(struct watch *w); /* NULL is fine */
