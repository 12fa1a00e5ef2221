/* oauth_words.h - what the pages of signing in to /mcp say, in the languages of the web page. Plain text; names stand between parts. */
#pragma once

struct oauth_words {
	const char *lang;
	const char *sign_in, *sign_in_why, *new_tab, *go_on;
	const char *wants[2];         /* before and behind the person's name */
	const char *ends, *renews;    /* when it ends: by itself, or a while after the program last renewed it */
	const char *settings, *sent;  /* how to end it earlier; where one is sent then */
	const char *only, *yes, *no;  /* what to heed; the buttons */
	const char *misunderstood[2]; /* before and behind the error */
	const char *unknown_program, *other_address, *not_yours, *back;
};

/* Of the header Accept-Language (may be NULL); English when none of its languages is there. */
const struct oauth_words *oauth_words_for(const char *accept_language);
