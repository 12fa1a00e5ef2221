/* test_mcp.c - what is left of a server at an address when it goes. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "http/client.h"
#include "tool/mcp_priv.h"

struct fixture {
	struct loop *loop;
	pthread_t thread;
	struct http_client *http;
	struct mcp_shared *shared;
	int listener; /* takes connections and never says a word */
	char url[64];
};

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int begin(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t n = sizeof(at);
	struct err e = {0};

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(f->listener, 8), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&at, &n), 0);
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/mcp", ntohs(at.sin_port));
	f->loop = loop_new();
	assert_int_equal(http_client_new(f->loop, &f->http), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, run, f->loop), 0);
	assert_int_equal(mcp_shared_new(f->http, 1, &f->shared, &e), 0);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	mcp_shared_free(f->shared);
	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	http_client_free(f->http);
	loop_free(f->loop);
	close(f->listener);
	free(f);
	return 0;
}

/* The word that nobody waits any more, as of a call that was given up: it may still be on its way then. */
static void test_goes_with_what_is_sent(void **state)
{
	static const char word[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}";
	struct fixture *f = *state;
	const struct mcp_config c = {.label = "silent", .url = f->url};

	for (int i = 0; i < 20; i++) {
		struct mcp *m = NULL;
		struct err e = {0};

		assert_int_equal(mcp_new(f->shared, &c, &m, &e), 0);
		for (int k = 0; k <= i % 3; k++)
			assert_int_equal(mcp_http_send(m, 0, word, sizeof(word) - 1, NULL, &e), 0);
		mcp_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_with_what_is_sent, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
