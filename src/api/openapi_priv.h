/* openapi_priv.h - the parts of the OpenAPI document that stand in files of their own. */
#pragma once

#include "base/schema.h"

/* The schemas of all events: "Name":{...} with commas between. */
void openapi_add_events(struct buf *b);
