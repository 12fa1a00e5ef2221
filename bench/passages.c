/*
 * passages.c - what `documents.py` needs of speed: passages whose vectors come from their texts, a provider that has them at once,
 * and the search among vectors by itself.
 *
 *	passages serve                    an Ollama with one model for answers and one for embeddings; prints its port
 *	passages write N FILE             vectors of N passages and then of QUESTIONS questions, 32 bit floats
 *	passages scan FILE N DIMS EACH    searches among N vectors of FILE, in documents of EACH; the questions follow them in the file
 *	passages peers EXTENSION PASSAGES QUESTIONS N   what sqlite-vec and FTS5 take for the same; a line each
 *
 * A text is passage NUMBER when it begins with "nNUMBER"; its vector lies around one of CENTRES points, which stand for what
 * texts are about. A question lies near a passage.
 */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "passages.h"
#include "rag/vectors.h"

#define CENTRES   1000
#define SPREAD    0.6f /* of a passage around its centre, of the centre's length */
#define QUESTIONS 200
#define TOP       10
#define RESCORED  50
#define BODY_MAX  ((size_t)16 << 20)
#define WORD_MS   5 /* of the model that takes its time */

/* ---- vectors ---- */

static uint64_t next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* About a bell: four numbers together. */
static float bell(uint64_t *s)
{
	uint64_t v = next(s);

	return (float)((v & 0xffff) + (v >> 16 & 0xffff) + (v >> 32 & 0xffff) + (v >> 48)) / 65536.0f - 2.0f;
}

static void make_unit(float *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)x[i] * x[i];
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(x[i] / sqrt(sum));
}

void vector_of(uint64_t number, float ret[DIMS])
{
	uint64_t centre = (number % CENTRES + 1) * 0x9e3779b97f4a7c15u, own = (number + 1) * 0xd1342543de82ef95u;

	for (size_t i = 0; i < DIMS; i++)
		ret[i] = bell(&centre) + SPREAD * bell(&own);
	make_unit(ret, DIMS);
}

void question_of(uint64_t number, float ret[DIMS])
{
	uint64_t own = (number + 7) * 0xa0761d6478bd642fu;

	vector_of(number, ret);
	for (size_t i = 0; i < DIMS; i++)
		ret[i] += 0.02f * bell(&own);
	make_unit(ret, DIMS);
}

static int write_vectors(size_t n, const char *path)
{
	FILE *f = fopen(path, "wb");
	float row[DIMS];

	for (size_t i = 0; f && i < n + QUESTIONS; i++) {
		if (i < n)
			vector_of(i, row);
		else
			question_of((i - n) * 7919 % n, row);
		if (fwrite(row, sizeof(row), 1, f) != 1)
			return 1;
	}
	return f && fclose(f) == 0 ? 0 : 1;
}

/* ---- searching ---- */

static double dot(const float *a, const float *b, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)a[i] * b[i];
	return sum;
}

struct scan {
	const float *rows;
	size_t n, dims, each;
	struct vectors *v;
};

static void exact(const struct scan *s, const float *q, size_t ret[TOP])
{
	double best[TOP];
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		double score = dot(q, s->rows + i * s->dims, s->dims);
		size_t at = kept;
		if (kept == TOP && score <= best[TOP - 1])
			continue;
		for (at = kept < TOP ? kept++ : TOP - 1; at > 0 && best[at - 1] < score; at--) {
			best[at] = best[at - 1];
			ret[at] = ret[at - 1];
		}
		best[at] = score;
		ret[at] = i;
	}
}

static int by_score(const void *a, const void *b)
{
	const struct vector_hit *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

/* As a search does it: candidates by their codes, the first ones by their whole vectors. Returns milliseconds of the former. */
static double search(const struct scan *s, const float *q, const int64_t *only, size_t n_only,
	struct vector_hit hits[100], size_t *ret_n)
{
	int64_t start = clock_mono_us();
	int n = vectors_search(s->v, q, only, n_only, hits, 100);
	double ms = (double)(clock_mono_us() - start) / 1000;

	for (int i = 0; i < MIN(n, RESCORED); i++)
		hits[i].score = (float)dot(
			q, s->rows + ((size_t)hits[i].document_id * s->each + hits[i].passage) * s->dims, s->dims);
	qsort(hits, (size_t)MIN(n, RESCORED), sizeof(*hits), by_score);
	*ret_n = (size_t)n;
	return ms;
}

static int by_number(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(const struct scan *s, bool filtered)
{
	double ms[QUESTIONS];
	size_t right = 0, documents = s->n / s->each, n_only = documents / 10;
	int64_t *only = xcalloc(n_only + 1, sizeof(*only));

	for (size_t i = 0; i < n_only; i++)
		only[i] = (int64_t)i * 10;
	for (size_t k = 0; k < QUESTIONS; k++) {
		struct vector_hit hits[100];
		size_t n, want[TOP];
		const float *q = s->rows + (s->n + k) * s->dims;
		ms[k] = search(s, q, only, filtered ? n_only : 0, hits, &n);
		if (filtered)
			continue;
		exact(s, q, want);
		for (size_t i = 0; i < TOP; i++)
			for (size_t j = 0; j < MIN(n, (size_t)TOP); j++)
				right += (size_t)hits[j].document_id * s->each + hits[j].passage == want[i];
	}
	qsort(ms, QUESTIONS, sizeof(*ms), by_number);
	printf("%s %.3f %.3f %.4f\n", filtered ? "tenth" : "all", ms[QUESTIONS / 2], ms[QUESTIONS * 99 / 100],
		filtered ? 0 : (double)right / (TOP * QUESTIONS));
	free(only);
}

static int scan(const char *path, size_t n, size_t dims, size_t each)
{
	FILE *f = fopen(path, "rb");
	size_t all = (n + QUESTIONS) * dims;
	float *rows = xcalloc(all, sizeof(*rows));
	struct scan s = {rows, n, dims, each, vectors_new(dims)};

	if (!f || fread(rows, sizeof(*rows), all, f) != all) {
		fprintf(stderr, "%s does not hold so many vectors\n", path);
		return 1;
	}
	fclose(f);
	for (size_t i = 0; i < all / dims; i++)
		make_unit(rows + i * dims, dims);
	for (size_t i = 0; i < n / each; i++)
		if (vectors_add(s.v, (int64_t)i, 1, rows + i * each * dims, each) < 0)
			return 1;
	s.n = n / each * each;
	printf("bytes %.2f\n", (double)vectors_bytes(s.v) / (double)s.n / (double)dims);
	measure(&s, true);
	measure(&s, false);
	vectors_free(s.v);
	free(rows);
	return 0;
}

/* ---- a provider ---- */

static void add_vector(struct buf *b, const char *text)
{
	float v[DIMS];
	const char *at = strstr(text, "n");
	char *end = NULL;
	uint64_t number = at ? strtoull(at + 1, &end, 10) : 0;

	if (strncmp(text, "n", 1) == 0)
		vector_of(number, v);
	else
		question_of(strlen(text) * 7919, v);
	for (size_t i = 0; i < DIMS; i++) {
		char digits[12] = "-0.000000";
		int32_t n = (int32_t)(fabsf(v[i]) * 1000000);
		for (int k = 8; n > 0 && k > 2; k--, n /= 10)
			digits[k] = (char)('0' + n % 10);
		buf_add_char(b, i ? ',' : '[');
		buf_add_str(b, v[i] < 0 ? digits : digits + 1);
	}
	buf_add_char(b, ']');
}

static void embed(const json_t *q, struct buf *b)
{
	const json_t *inputs = json_object_get(q, "input");

	buf_add_str(b, "{\"model\":\"bench-embed\",\"embeddings\":[");
	for (size_t i = 0; i < json_array_size(inputs); i++) {
		buf_add_str(b, i ? "," : "");
		add_vector(b, json_string_value(json_array_get(inputs, i)));
	}
	buf_add_str(b, "]}");
}

/* True: of the model that takes its time for each word. */
static bool answer(const char *path, const char *body, struct buf *b)
{
	static const char about[] =
		"{\"name\":\"%s\",\"model\":\"%s\",\"size\":1,\"digest\":\"%s\",\"details\":{\"family\":\"bench\"}}";
	json_t *q = json_loads(body, 0, NULL);
	const char *model = json_string_value(json_object_get(q, "model"));
	bool slow = false;

	if (strcmp(path, "/api/tags") == 0) {
		buf_add_str(b, "{\"models\":[");
		buf_printf(b, about, "bench:1b", "bench:1b", "1");
		buf_add_char(b, ',');
		buf_printf(b, about, "bench:slow", "bench:slow", "3");
		buf_add_char(b, ',');
		buf_printf(b, about, "bench-embed", "bench-embed", "2");
		buf_add_str(b, "]}");
	} else if (strcmp(path, "/api/show") == 0) {
		buf_printf(b, "{\"capabilities\":[\"%s\"],\"model_info\":{}}",
			model && strcmp(model, "bench-embed") == 0 ? "embedding" : "completion");
	} else if (strcmp(path, "/api/embed") == 0) {
		embed(q, b);
	} else if (strcmp(path, "/api/chat") == 0) {
		slow = model && strcmp(model, "bench:slow") == 0;
		for (int i = 0; i < 20; i++)
			buf_printf(b, "{\"model\":\"bench:1b\",\"message\":{\"role\":\"assistant\",\"content\":\"word "
				      "\"},\"done\":false}\n");
		buf_add_str(b, "{\"model\":\"bench:1b\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":"
			       "true,\"done_reason\":\"stop\"}\n");
	} else {
		buf_add_str(b, "{\"version\":\"0.24.0\"}");
	}
	json_decref(q);
	return slow;
}

static bool send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static bool send_slowly(int fd, const char *p, size_t n)
{
	const char *end = p + n, *next;

	for (; p < end; p = next) {
		nanosleep(&(struct timespec){.tv_nsec = WORD_MS * 1000000L}, NULL); /* a thread of its own */
		next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		if (!send_all(fd, p, (size_t)(next - p)))
			return false;
	}
	return true;
}

/* One request that is in `in`, if it is whole: how many bytes it takes. */
static size_t whole_request(struct buf *in, char path[64], size_t *ret_body)
{
	const char *head_end = strstr(in->p, "\r\n\r\n"), *length;

	if (!head_end || sscanf(in->p, "%*s %63s", path) != 1)
		return 0;
	*ret_body = (size_t)(head_end - in->p) + 4;
	length = strcasestr(in->p, "\r\ncontent-length:");
	size_t n = *ret_body + (length && length < head_end ? strtoul(length + 17, NULL, 10) : 0);
	return in->n >= n ? n : 0;
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct buf in = BUF_INIT(BODY_MAX), out = BUF_INIT(BODY_MAX);
	char piece[65536], path[64], head[160];
	ssize_t got;

	while ((got = recv(fd, piece, sizeof(piece), 0)) > 0) {
		size_t n, body;
		buf_add(&in, piece, (size_t)got);
		while (in.n && (n = whole_request(&in, path, &body)) > 0) {
			buf_reset(&out);
			char *copy = strndup(in.p + body, n - body);
			bool slow = answer(path, copy, &out);
			free(copy);
			snprintf(head, sizeof(head),
				"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
				out.n);
			if (!send_all(fd, head, strlen(head)) || !(slow ? send_slowly : send_all)(fd, out.p, out.n))
				break;
			memmove(in.p, in.p + n, in.n - n);
			in.n -= n;
			in.p[in.n] = '\0';
		}
	}
	buf_done(&in);
	buf_done(&out);
	close(fd);
	return NULL;
}

static int serve(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 128) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 1;
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	for (;;) {
		pthread_t t;
		int s = accept(fd, NULL, NULL), at_once = 1;
		if (s < 0 || setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once)) < 0 ||
			pthread_create(&t, NULL, serve_one, (void *)(intptr_t)s) != 0)
			return 1;
		pthread_detach(t);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc == 4 && strcmp(argv[1], "write") == 0)
		return write_vectors(strtoul(argv[2], NULL, 10), argv[3]);
	if (argc == 6 && strcmp(argv[1], "scan") == 0)
		return scan(
			argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
	if (argc == 6 && strcmp(argv[1], "peers") == 0)
		return run_peers(argv[2], argv[3], argv[4], strtoul(argv[5], NULL, 10));
	fputs("Usage: passages serve | write N FILE | scan FILE N DIMS EACH | peers EXTENSION PASSAGES QUESTIONS N\n",
		stderr);
	return 2;
}
