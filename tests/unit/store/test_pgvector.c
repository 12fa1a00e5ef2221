/* test_pgvector.c - a vector store that is anybody's: a server of PostgreSQL's protocol that answers with less than was asked for. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "store/pgvector.h"

/* What each statement is answered with. */
struct server {
	int listener;
	pthread_t thread;
	char url[64];
	_Atomic(int) rows, columns; /* the one column there may be says "7" */
};

static bool take(int fd, void *to, size_t n)
{
	return n == 0 || recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

static uint32_t number(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A message: its letter, its length, what it holds. */
static void put(int fd, char type, const void *p, size_t n)
{
	unsigned char head[5] = {(unsigned char)type, 0, 0, (unsigned char)((n + 4) >> 8), (unsigned char)(n + 4)};

	(void)send(fd, head, sizeof(head), MSG_NOSIGNAL);
	(void)send(fd, p, n, MSG_NOSIGNAL);
}

static void put_ready(int fd)
{
	put(fd, 'Z', "I", 1);
}

static void answer(int fd, const struct server *s)
{
	static const char column[] = "x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"; /* its name; a text */
	char text[2 + sizeof(column)] = {0, (char)s->columns};

	memcpy(text + 2, column, sizeof(column) - 1);
	put(fd, '1', "", 0);
	put(fd, '2', "", 0);
	put(fd, 'T', text, s->columns ? 2 + sizeof(column) - 1 : 2);
	for (int i = 0; i < s->rows; i++)
		put(fd, 'D', s->columns ? "\0\1\0\0\0\0017" : "\0", s->columns ? 7 : 2);
	put(fd, 'C', "SELECT", 7);
	put_ready(fd);
}

/* What asks for encryption first is told that there is none. */
static bool greet(int fd)
{
	unsigned char size[4];
	char rest[4096];

	while (take(fd, size, 4) && number(size) >= 8 && number(size) - 4 <= sizeof(rest) &&
		take(fd, rest, number(size) - 4)) {
		if (number(size) > 8) {
			put(fd, 'R', "\0\0\0", 4);
			put(fd, 'S', "client_encoding\0UTF8", 21);
			put_ready(fd);
			return true;
		}
		(void)send(fd, "N", 1, MSG_NOSIGNAL);
	}
	return false;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	unsigned char head[5];
	static char rest[1 << 16];
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		bool fine = greet(fd);

		while (fine && take(fd, head, 5) && number(head + 1) - 4 <= sizeof(rest) &&
			take(fd, rest, number(head + 1) - 4)) {
			if (head[0] == 'Q') {
				put(fd, 'C', "SET", 4);
				put_ready(fd);
			} else if (head[0] == 'S') {
				answer(fd, s);
			}
		}
		close(fd);
	}
	return NULL;
}

static int begin(void **state)
{
	struct server *s = xcalloc(1, sizeof(*s));
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof(at);

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &n), 0);
	snprintf(s->url, sizeof(s->url), "postgresql://somebody@127.0.0.1:%u/x", ntohs(at.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	*state = s;
	return 0;
}

/* The thread ends with the program: it waits for what the kept connection says. */
static int end(void **state UNUSED)
{
	return 0;
}

static void test_answers_with_less(void **state)
{
	struct server *s = *state;
	const struct pgvector_place p = {.url = s->url, .table = "t-1", .timeout_ms = 60000};
	const float query[] = {1, 0};
	const atelier_id texts[] = {1};
	const struct pgvector_wish w = {query, 2, 4, texts, 1};
	struct pgvector_hit hits[4];
	size_t n;

	for (s->columns = 0; s->columns < 2; s->columns++) {
		for (s->rows = 0; s->rows < 2; s->rows++) {
			struct err e = {0};

			/* Whatever it takes it for: it has not ended. */
			assert_int_equal(pgvector_check(&p, &e), 0);
			assert_int_equal(pgvector_nearest(&p, &w, hits, &n, &e), 0);
			assert_int_equal(n, s->rows);
			if (n)
				assert_true(hits[0].text_id == (s->columns ? 7 : 0) && hits[0].passage == 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers_with_less, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
