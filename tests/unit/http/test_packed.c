/* Answers that come packed, although nobody asked for it: a few bytes are much, and come in many pieces at once. */
#include <zlib.h>

#include "scripted.h"

enum { UNPACKED = 3 << 20, VERY_MUCH = 100 << 20 };

/* An answer of so many bytes, each telling its place, packed as far as it goes. */
static void answers_packed(struct fixture *f, size_t n, bool chunked)
{
	char *plain = xcalloc(1, n), *all = xcalloc(1, sizeof(f->answer));
	z_stream z = {0};
	int head;

	for (size_t i = 0; i < n; i++)
		plain[i] = (char)('a' + i / 65536 % 26);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	head = snprintf(all, 200, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n%s",
		chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Connection: close\r\n\r\n");
	z.next_in = (unsigned char *)plain;
	z.avail_in = (unsigned)n;
	z.next_out = (unsigned char *)all + head + (chunked ? 10 : 0);
	z.avail_out = (unsigned)(sizeof(f->answer) - (size_t)head - 100);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	if (chunked) {
		char size[11];
		snprintf(size, sizeof(size), "%08lx\r\n", z.total_out);
		memcpy(all + head, size, 10);
		memcpy(z.next_out, "\r\n0\r\n\r\n", 7);
	}
	answers_n(f, all, (size_t)head + z.total_out + (chunked ? 17 : 0));
	deflateEnd(&z);
	free(plain);
	free(all);
}

/* A task that is there in each turn of the loop: by it the turns are told apart. */
struct turns {
	struct loop *loop;
	struct loop_task task;
	unsigned n;
	bool stop;
};

static void next_turn(void *arg)
{
	struct turns *t = arg;

	t->n++;
	if (!t->stop)
		loop_post(t->loop, &t->task, next_turn, t);
}

static int end_turns(void *arg)
{
	((struct turns *)arg)->stop = true;
	return 0;
}

static int nothing(void *arg UNUSED)
{
	return 0;
}

struct sink {
	const struct turns *turns; /* NULL: nobody counts */
	unsigned turn;
	size_t in_turn, most; /* bytes in the present one, and in any */
	size_t at;            /* where the next byte belongs */
	unsigned works;       /* pieces that were worked at by the caller */
	bool works_now, beside, wrong;
	bool hands_over; /* all of them are to be */
};

static int take(void *arg, const char *p, size_t n)
{
	struct sink *s = arg;

	s->beside |= s->works_now;
	if (s->turns && s->turn != s->turns->n) {
		s->turn = s->turns->n;
		s->in_turn = 0;
	}
	s->in_turn += n;
	s->most = MAX(s->most, s->in_turn);
	for (size_t i = 0; i < n; i++, s->at++)
		s->wrong |= p[i] != (char)('a' + s->at / 65536 % 26);
	s->works_now = s->hands_over;
	return s->hands_over ? HTTP_WORK : 0;
}

static int work(void *arg)
{
	struct sink *s = arg;

	s->works++;
	s->works_now = false;
	return 0;
}

static void run_packed(struct fixture *f, size_t n, struct sink *s)
{
	char url[100];
	struct http_result r;
	struct err e = {0};
	struct http_call call = {.url = url,
		.method = "GET",
		.on_data = take,
		.on_work = work,
		.arg = s,
		.idle_timeout_ms = PATIENCE_MS};

	snprintf(url, sizeof(url), "http://%s:%u/", host, f->port);
	assert_int_equal(http_client_run(f->client, &call, NULL, &r, &e), 0);
	assert_int_equal(s->at, n);
	assert_false(s->wrong);
	buf_done(&r.error_body);
}

/* Others have their turn between its pieces, and each of these comes once. */
static void test_large(void **state)
{
	struct fixture *f = *state;
	struct turns turns = {.loop = f->loop};

	loop_post(f->loop, &turns.task, next_turn, &turns);
	f->serve = serve_answer_and_close;
	for (int i = 0; i < 4; i++) {
		struct sink s = {.turns = &turns};
		answers_packed(f, UNPACKED, i % 2);
		run_packed(f, UNPACKED, &s);
		assert_true(s.most <= 2 * HTTP_UNPACKED_MAX);
	}
	(void)loop_call(f->loop, end_turns, &turns);
	for (int i = 0; i < 2; i++) /* behind its last turn */
		(void)loop_call(f->loop, nothing, NULL);
}

/* Of what is not taken yet no more is unpacked: curl keeps 64 MiB at most, and then fails. */
static void test_very_much(void **state)
{
	struct fixture *f = *state;
	struct sink s = {0};

	f->serve = serve_answer_and_close;
	answers_packed(f, VERY_MUCH, false);
	run_packed(f, VERY_MUCH, &s);
}

/* While the caller works at a piece no other one comes. */
static void test_worked_at(void **state)
{
	struct fixture *f = *state;
	struct sink s = {.hands_over = true};

	f->serve = serve_answer_and_close;
	answers_packed(f, UNPACKED, true);
	run_packed(f, UNPACKED, &s);
	assert_true(s.works > 1);
	assert_false(s.beside);
}

/* What is larger than the sink takes ends the call, and nothing else. */
static void test_too_large(void **state)
{
	struct fixture *f = *state;
	CLEANUP(got_done) struct got g = {0};

	f->serve = serve_answer_and_close;
	answers_packed(f, UNPACKED, true);
	get(f, &g);
	assert_int_equal(g.code, E_TOO_LARGE);
	answers(f, PLAIN);
	get(f, &g);
	assert_int_equal(g.code, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_large), TEST(test_very_much), TEST(test_worked_at), TEST(test_too_large)};
	int failed = cmocka_run_group_tests_name("http/packed", tests, NULL, NULL); /* by curl */

	host = "127.0.0.1";
	return failed + cmocka_run_group_tests_name("http/packed, directly", tests, NULL, NULL);
}
