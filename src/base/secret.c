/*
 * secret.c - each secret has pages of its own from the kernel, with their size in front: the heap would keep what is freed, share
 * its pages with others, and could not be left out of a dump. The mark tells pages of ours from all other memory, since freeing
 * unmaps as many bytes as stand there.
 */
#include "base/secret.h"

#include <sys/mman.h>

#include "base/magic.h"

#define PAGES_MAGIC 0x5ec4e7a6u

/* The leak checker looks for pointers in what malloc gave, not in pages of our own. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define LEAK_CHECKED 1
#endif
#endif

struct pages {
	size_t bytes; /* all of them */
	unsigned magic;
	_Alignas(16) char data[];
};

void *secret_new(size_t n)
{
	size_t bytes = sizeof(struct pages) + n;
	struct pages *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		memory_is_out();
	(void)madvise(p, bytes, MADV_DONTDUMP);
	(void)mlock(p, bytes); /* as far as the system lets us */
	p->bytes = bytes;
	MAGIC_SET(p, PAGES_MAGIC);
#ifdef LEAK_CHECKED
	__lsan_register_root_region(p, bytes);
#endif
	return p->data;
}

char *secret_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(secret_new(n), s, n);
}

void secret_free(void *secret)
{
	if (!secret)
		return;
	struct pages *p = CONTAINER_OF(secret, struct pages, data);
	ASSERT_IS(p, PAGES_MAGIC);
	size_t bytes = p->bytes;

	explicit_bzero(p, bytes);
#ifdef LEAK_CHECKED
	__lsan_unregister_root_region(p, bytes);
#endif
	(void)munmap(p, bytes);
}

void secret_wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
}
