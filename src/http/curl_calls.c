/* curl_calls.c - libcurl, opened when it is first needed (sys/library.h): what is used of it, and its beginning. */
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"
#include "http/client.h"
#include "http/curl_calls.h"
#include "sys/library.h"

/* They check the types of options where they are used; here they stand in the way. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define FUNCTIONS(X)                                                                                                   \
	X(curl_global_init_mem)                                                                                        \
	X(curl_easy_init)                                                                                              \
	X(curl_easy_setopt)                                                                                            \
	X(curl_easy_getinfo)                                                                                           \
	X(curl_easy_pause)                                                                                             \
	X(curl_easy_strerror)                                                                                          \
	X(curl_easy_cleanup)                                                                                           \
	X(curl_multi_init)                                                                                             \
	X(curl_multi_setopt)                                                                                           \
	X(curl_multi_assign)                                                                                           \
	X(curl_multi_add_handle)                                                                                       \
	X(curl_multi_remove_handle)                                                                                    \
	X(curl_multi_socket_action)                                                                                    \
	X(curl_multi_info_read)                                                                                        \
	X(curl_multi_cleanup)                                                                                          \
	X(curl_slist_append)                                                                                           \
	X(curl_slist_free_all)                                                                                         \
	X(curl_url)                                                                                                    \
	X(curl_url_set)                                                                                                \
	X(curl_url_get)                                                                                                \
	X(curl_url_cleanup)                                                                                            \
	X(curl_getdate)                                                                                                \
	X(curl_free)

/* ---- curl's memory: it divides by zero, for one, when there is none; and what it sends has keys in it ---- */

static void *zeroed(size_t n, size_t size)
{
	void *p = n && size > SIZE_MAX / n ? NULL : memory_try(n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

static char *copied(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = memory_try(n);

	return p ? memcpy(p, s, n) : NULL;
}

static void wiping_free(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *wiping_realloc(void *old, size_t n)
{
	size_t had = old ? malloc_usable_size(old) : 0;
	void *p = memory_try(n);

	if (!p || !old)
		return p;
	memcpy(p, old, MIN(had, n));
	wiping_free(old);
	return p;
}

static int begin(void);

LIBRARY(FUNCTIONS, "libcurl.so.4", "libcurl4", begin);

static int begin(void)
{
	return library_calls.of.curl_global_init_mem(
		       CURL_GLOBAL_ALL, memory_try, wiping_free, wiping_realloc, copied, zeroed) == CURLE_OK
		       ? 0
		       : -ENOMEM;
}

int http_client_load(struct err *e)
{
	return library_open(&library, e);
}

/* ---- one after the other, as curl's headers declare them ---- */

LIBRARY_CALL(CURL *, curl_easy_init, (void), (), NULL)
LIBRARY_CALL(CURLcode, curl_easy_pause, (CURL * c, int bits), (c, bits), CURLE_FAILED_INIT)
LIBRARY_CALL(const char *, curl_easy_strerror, (CURLcode code), (code), "libcurl is missing")
LIBRARY_END(curl_easy_cleanup, (CURL * c), (c))

LIBRARY_CALL(CURLM *, curl_multi_init, (void), (), NULL)
LIBRARY_CALL(CURLMcode, curl_multi_assign, (CURLM * m, curl_socket_t fd, void *arg), (m, fd, arg), CURLM_INTERNAL_ERROR)
LIBRARY_CALL(CURLMcode, curl_multi_add_handle, (CURLM * m, CURL *c), (m, c), CURLM_INTERNAL_ERROR)
LIBRARY_CALL(CURLMcode, curl_multi_remove_handle, (CURLM * m, CURL *c), (m, c), CURLM_INTERNAL_ERROR)
LIBRARY_CALL(CURLMcode, curl_multi_socket_action, (CURLM * m, curl_socket_t fd, int what, int *running),
	(m, fd, what, running), CURLM_INTERNAL_ERROR)
LIBRARY_CALL(CURLMsg *, curl_multi_info_read, (CURLM * m, int *left), (m, left), NULL)
LIBRARY_CALL(CURLMcode, curl_multi_cleanup, (CURLM * m), (m), CURLM_INTERNAL_ERROR)

LIBRARY_CALL(struct curl_slist *, curl_slist_append, (struct curl_slist * l, const char *text), (l, text), NULL)
LIBRARY_END(curl_slist_free_all, (struct curl_slist * l), (l))

LIBRARY_CALL(CURLU *, curl_url, (void), (), NULL)
LIBRARY_CALL(CURLUcode, curl_url_set, (CURLU * u, CURLUPart part, const char *text, unsigned flags),
	(u, part, text, flags), CURLUE_OUT_OF_MEMORY)
LIBRARY_CALL(CURLUcode, curl_url_get, (CURLU * u, CURLUPart part, char **ret, unsigned flags), (u, part, ret, flags),
	CURLUE_OUT_OF_MEMORY)
LIBRARY_END(curl_url_cleanup, (CURLU * u), (u))

LIBRARY_CALL(time_t, curl_getdate, (const char *text, const time_t *unused), (text, unused), -1)
LIBRARY_END(curl_free, (void *p), (p))

/* ---- those that take one value of any type, which the option's number tells ---- */

#define PASS_VALUE(call, handle, option)                                                                               \
	do {                                                                                                           \
		va_list ap;                                                                                            \
		va_start(ap, option);                                                                                  \
		if ((option) < CURLOPTTYPE_OBJECTPOINT)                                                                \
			r = library_calls.of.call(handle, option, va_arg(ap, long));                                   \
		else if ((option) >= CURLOPTTYPE_OFF_T && (option) < CURLOPTTYPE_BLOB)                                 \
			r = library_calls.of.call(handle, option, va_arg(ap, curl_off_t));                             \
		else /* functions, too: where dlsym() is, a pointer is a pointer */                                    \
			r = library_calls.of.call(handle, option, va_arg(ap, void *));                                 \
		va_end(ap);                                                                                            \
	} while (0)

CURLcode curl_easy_setopt(CURL *c, CURLoption option, ...)
{
	CURLcode r;

	if (library_open(&library, NULL) < 0)
		return CURLE_FAILED_INIT;
	PASS_VALUE(curl_easy_setopt, c, option); /* NOLINT(bugprone-branch-clone): of other types */
	return r;
}

CURLMcode curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
	CURLMcode r;

	if (library_open(&library, NULL) < 0)
		return CURLM_INTERNAL_ERROR;
	PASS_VALUE(curl_multi_setopt, m, option); /* NOLINT(bugprone-branch-clone): of other types */
	return r;
}

CURLcode curl_easy_getinfo(CURL *c, CURLINFO info, ...)
{
	CURLcode r;
	va_list ap;

	if (library_open(&library, NULL) < 0)
		return CURLE_FAILED_INIT;
	va_start(ap, info);
	r = library_calls.of.curl_easy_getinfo(c, info, va_arg(ap, void *));
	va_end(ap);
	return r;
}
