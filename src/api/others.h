/* others.h - what other processes change in a database that several share; see others.c. */
#pragma once

#include "api/request.h"

struct others;

struct others *others_new(struct api *a);
void others_poll(struct others *o); /* once a second, any thread: has a worker read what has changed */
void others_free(struct others *o); /* after the workers have ended */
