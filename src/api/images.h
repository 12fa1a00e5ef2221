/* images.h - what resources that remove messages owe to the pictures of these. */
#pragma once

#include "api/request.h"

/* Removes what nothing has any more of the pictures of a user, or of all (0); what fails is done later. */
void images_tidy(struct request *q, atelier_id user_id);
