/* files.h - what resources that remove messages owe to the files of these: pictures, and what tools made. */
#pragma once

#include "api/request.h"

/* Removes what nothing has any more of a user's, or of all (0); what fails is done later. */
void files_tidy(struct request *q, atelier_id user_id);
