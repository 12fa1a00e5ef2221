/* others.h - what other processes change in a database that several share; see others.c. */
#pragma once

#include "api/request.h"

struct others;

struct others *others_new(struct api *a);
void others_look(struct others *o); /* once a second, any thread: has a worker look */
void others_free(struct others *o); /* after the workers have ended */
