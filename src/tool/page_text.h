/* page_text.h - a page of the web as text that can be read: without menus, banners and forms, as Markdown. */
#pragma once

#include "base/buf.h"

/* Adds title and text of a page. `charset`: as the server said; NULL: it did not. `url`: where it is, for its links. */
int page_text(const char *p, size_t n, const char *charset, const char *url, struct buf *ret) MUST_CHECK;
