/*
 * terms.c - blocks of about a kilobyte, of each the first hash and its place in memory: finding a term halves the blocks and reads
 * one of them. Merging reads each input once, block by block with a cursor, and writes through a window, so that indexes larger
 * than memory can be merged; the inputs stay until all is written, so that one that fails has changed nothing. What is read was
 * written by this process and is not checked again.
 */
#include "rag/terms.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BLOCK_BYTES  ((size_t)1024) /* a block ends before it gets longer, unless it is one term */
#define WINDOW_BYTES ((size_t)1 << 20)
#define BYTES_MAX    ((size_t)1 << 40)
#define HASH_BYTES   sizeof(uint64_t)

struct block {
	uint64_t hash; /* of its first term */
	size_t at;
};

struct terms {
	struct block *blocks;
	size_t n, room;
	size_t size;
	uint8_t *bytes; /* NULL: they are in the file */
	int fd;         /* -1: there is none */
	uint32_t first; /* what passages are counted from */
};

void terms_free(struct terms *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->bytes);
	free(s->blocks);
	free(s);
}

size_t terms_size(const struct terms *s)
{
	return s->size;
}

size_t terms_memory(const struct terms *s)
{
	return sizeof(*s) + s->room * sizeof(*s->blocks) + (s->bytes ? s->size : 0);
}

/* ---- numbers ---- */

static uint32_t read_number(const uint8_t **p)
{
	uint32_t v = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t c = *(*p)++;
		v |= (uint32_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
}

static void add_place(struct buf *b, uint32_t *next, uint32_t passage, uint32_t times)
{
	ASSERT(passage >= *next);
	buf_add_varint(b, (passage - *next) * 2 + (times > 1));
	if (times > 1)
		buf_add_varint(b, times);
	*next = passage + 1;
}

bool places_next(struct places *p, uint32_t *ret_passage, uint32_t *ret_times)
{
	if (p->p == p->end)
		return false;
	uint32_t v = read_number(&p->p);
	*ret_passage = p->next + v / 2;
	*ret_times = v & 1 ? read_number(&p->p) : 1;
	p->next = *ret_passage + 1;
	ASSERT(p->p <= p->end);
	return true;
}

/* The term at *p, which moves behind it. */
static uint64_t read_term(const uint8_t **p, uint32_t first, struct places *ret)
{
	uint64_t hash;

	memcpy(&hash, *p, HASH_BYTES);
	*p += HASH_BYTES;
	*ret = (struct places){.passages = read_number(p), .next = first};
	uint32_t n = read_number(p);
	ret->p = *p;
	ret->end = *p += n;
	return hash;
}

/* ---- writing ---- */

struct writer {
	struct terms *s;
	struct buf b;    /* what is not in the file yet, or all of it */
	struct buf term; /* its places */
};

static struct terms *make(uint32_t first)
{
	struct terms *s = calloc(1, sizeof(*s));

	if (s) {
		s->fd = -1;
		s->first = first;
	}
	return s;
}

static bool flush(struct writer *w)
{
	ASSERT(w->s->fd >= 0);
	for (size_t done = 0; done < w->b.n;) {
		ssize_t n = write(w->s->fd, w->b.p + done, w->b.n - done);
		if (n <= 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	buf_reset(&w->b);
	return true;
}

static bool begin_block(struct terms *s, uint64_t hash)
{
	if (s->n == s->room) {
		size_t room = s->room + s->room / 4 + 4;
		struct block *more = realloc(s->blocks, room * sizeof(*more));
		if (!more)
			return false;
		s->blocks = more;
		s->room = room;
	}
	s->blocks[s->n++] = (struct block){hash, s->size};
	return true;
}

/* Adds the term whose places are in w->term. */
static int write_term(struct writer *w, uint64_t hash, uint32_t passages)
{
	struct terms *s = w->s;
	size_t before = w->b.n, size = HASH_BYTES + 10 + w->term.n;

	ASSERT(passages > 0 || w->term.n == 0);
	ASSERT(hash != 0);                                    /* with which a cursor says that there are no more */
	ASSERT(s->n == 0 || hash > s->blocks[s->n - 1].hash); /* terms_find halves them */
	if (w->term.n > UINT32_MAX)
		return -ENOMEM;
	if ((s->n == 0 || s->size - s->blocks[s->n - 1].at + size > BLOCK_BYTES) && !begin_block(s, hash))
		return -ENOMEM;
	buf_add(&w->b, &hash, HASH_BYTES);
	buf_add_varint(&w->b, passages);
	buf_add_varint(&w->b, (uint32_t)w->term.n);
	buf_add(&w->b, w->term.p, w->term.n);
	if (buf_status(&w->b) < 0 || buf_status(&w->term) < 0)
		return -ENOMEM;
	s->size += w->b.n - before;
	return s->fd >= 0 && w->b.n >= WINDOW_BYTES && !flush(w) ? -EIO : 0;
}

/* Takes the terms out of the writer. */
static int end_writing(struct writer *w, int r, struct terms **ret)
{
	struct terms *s = w->s;

	if (r == 0 && s->fd >= 0 && !flush(w))
		r = -EIO;
	ASSERT(r < 0 || s->fd >= 0 || s->size == w->b.n);
	if (r == 0 && s->fd < 0) {
		s->bytes = malloc(MAX(s->size, (size_t)1));
		r = s->bytes ? 0 : -ENOMEM;
	}
	if (r == 0 && s->fd < 0 && s->size)
		memcpy(s->bytes, w->b.p, s->size);
	buf_done(&w->b);
	buf_done(&w->term);
	*ret = r == 0 ? s : NULL;
	if (r < 0)
		terms_free(s);
	return r;
}

struct terms *terms_new(struct postings_reader *r, uint32_t first)
{
	struct writer w = {.s = make(first), .b = BUF_INIT(BYTES_MAX), .term = BUF_INIT(BYTES_MAX)};
	struct terms *ret = NULL;
	int s = 0;

	if (!w.s)
		return NULL;
	ASSERT(!r->broken); /* who puts a text into an index has gone through its bytes before */
	for (uint32_t k = postings_terms(r); s == 0 && k > 0; k--) {
		uint32_t passages, before = 0, next = first;
		uint64_t hash = postings_term(r, &passages);
		buf_reset(&w.term);
		for (uint32_t i = 0; i < passages; i++) {
			struct posting p = postings_next(r, before);
			add_place(&w.term, &next, first + p.passage, p.times);
			before = p.passage + 1;
		}
		s = write_term(&w, hash, passages);
	}
	return end_writing(&w, s, &ret) < 0 ? NULL : ret;
}

/* ---- reading ---- */

static size_t end_of(const struct terms *s, size_t block)
{
	ASSERT(block < s->n);
	return block + 1 < s->n ? s->blocks[block + 1].at : s->size;
}

static int read_file(int fd, size_t at, char *to, size_t n)
{
	while (n > 0) {
		ssize_t got = pread(fd, to, n, (off_t)at);
		if (got <= 0 && (got == 0 || errno != EINTR))
			return -EIO;
		at += got > 0 ? (size_t)got : 0;
		to += got > 0 ? got : 0;
		n -= got > 0 ? (size_t)got : 0;
	}
	return 0;
}

/* The bytes of a block: where they lie, or read into `scratch`. */
static int load_block(
	const struct terms *s, size_t block, struct buf *scratch, const uint8_t **ret, const uint8_t **end)
{
	size_t at = s->blocks[block].at, n = end_of(s, block) - at;

	ASSERT(block < s->n && (s->bytes || s->fd >= 0));
	if (s->bytes) {
		*ret = s->bytes + at;
	} else {
		buf_reset(scratch);
		char *p = buf_reserve(scratch, n);
		int r = p ? read_file(s->fd, at, p, n) : -ENOMEM;
		if (r < 0)
			return r;
		*ret = (const uint8_t *)p;
	}
	*end = *ret + n;
	return 0;
}

int terms_find(const struct terms *s, uint64_t hash, struct buf *scratch, struct places *ret)
{
	size_t lo = 0, hi = s->n;
	const uint8_t *p, *end;
	int r;

	while (lo < hi) { /* the first block that begins behind it */
		size_t mid = (lo + hi) / 2;
		if (s->blocks[mid].hash <= hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return 0;
	r = load_block(s, lo - 1, scratch, &p, &end);
	while (r == 0 && p < end) {
		uint64_t h = read_term(&p, s->first, ret);
		if (h >= hash)
			return h == hash;
	}
	return r;
}

/* ---- merging ---- */

/* The terms of one, one after the other. */
struct cursor {
	const struct terms *s;
	struct buf scratch;
	size_t block; /* the next one */
	const uint8_t *p, *end;
	uint64_t hash; /* 0: there are no more */
	struct places places;
};

static int advance(struct cursor *c)
{
	int r = 0;

	c->hash = 0;
	if (c->p == c->end && c->block < c->s->n)
		r = load_block(c->s, c->block++, &c->scratch, &c->p, &c->end);
	if (r == 0 && c->p < c->end)
		c->hash = read_term(&c->p, c->s->first, &c->places);
	return r;
}

static uint64_t least(const struct cursor *c, size_t n)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < n; i++)
		if (c[i].hash && (!hash || c[i].hash < hash))
			hash = c[i].hash;
	return hash;
}

static int merge_term(struct cursor *c, size_t n, const uint32_t *to, uint64_t hash, struct writer *w)
{
	uint32_t next = w->s->first, passages = 0, passage, times;
	int r = 0;

	buf_reset(&w->term);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (c[i].hash != hash)
			continue;
		while (places_next(&c[i].places, &passage, &times)) {
			passage = to ? to[passage] : passage;
			if (passage == PASSAGE_GONE)
				continue;
			add_place(&w->term, &next, passage, times);
			passages++;
		}
		r = advance(&c[i]);
	}
	return r == 0 && passages ? write_term(w, hash, passages) : r;
}

static int open_file(const char *folder)
{
	return folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
}

static int merge(struct terms *const *in, size_t n, const uint32_t *to, const char *folder, struct terms **ret)
{
	struct writer w = {.s = make(to ? 0 : in[0]->first), .b = BUF_INIT(BYTES_MAX), .term = BUF_INIT(BYTES_MAX)};
	struct cursor *c = calloc(n, sizeof(*c));
	size_t size = 0;
	uint64_t hash;
	int r = w.s && c ? 0 : -ENOMEM;

	ASSERT(n > 0);
	for (size_t i = 0; r == 0 && i < n; i++) {
		ASSERT(i == 0 || in[i]->first >= in[i - 1]->first);
		c[i] = (struct cursor){.s = in[i], .scratch = BUF_INIT(BYTES_MAX)};
		size += in[i]->size;
		r = advance(&c[i]);
	}
	if (r == 0 && size >= TERMS_FILE)
		w.s->fd = open_file(folder);
	while (r == 0 && (hash = least(c, n)) != 0)
		r = merge_term(c, n, to, hash, &w);
	for (size_t i = 0; c && i < n; i++)
		buf_done(&c[i].scratch);
	free(c);
	if (w.s)
		return end_writing(&w, r, ret);
	return r;
}

int terms_merge(struct terms *const *in, size_t n, const uint32_t *to, const char *folder, struct terms **ret)
{
	int r = merge(in, n, to, folder, ret);

	/* A full disk takes nothing away: there is memory. */
	return r == -EIO && folder ? merge(in, n, to, NULL, ret) : r;
}
