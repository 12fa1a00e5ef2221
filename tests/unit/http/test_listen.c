/* Addresses: what is opened for which words, what is said of others, sockets in the file system, and those of systemd. */
#include "http/listen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "http/tls.h"
#include "net.h"

static char folder[] = "/tmp/atelier-listen-XXXXXX";

static int open_words(struct listeners *l, const char *words, struct err *e)
{
	err_clear(e);
	return listeners_open(l, &(struct listen_config){.words = words, .unix_mode = 0660}, e);
}

static bool have_ipv6(void)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

static bool reaches(int family, unsigned port)
{
	struct sockaddr_in four = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && (family == AF_INET ? connect(fd, (struct sockaddr *)&four, sizeof(four))
						 : connect(fd, (struct sockaddr *)&six, sizeof(six))) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

static void test_localhost_is_both_families(void **state UNUSED)
{
	struct listeners l;
	struct err e = {0};

	assert_int_equal(open_words(&l, "localhost:0", &e), 0);
	assert_int_equal(l.n, have_ipv6() ? 2 : 1);
	assert_true(reaches(AF_INET, l.items[0].port));
	if (l.n == 2) {
		assert_int_equal(l.items[0].port, l.items[1].port);
		assert_true(reaches(AF_INET6, l.items[1].port));
		assert_non_null(strstr(l.items[1].address, "[::1]:"));
	}
	listeners_close(&l);
	assert_int_equal(l.n, 0);
}

static void test_every_address_is_both_families(void **state UNUSED)
{
	static const char *const words[] = {"*:0", ":0", "[::]:0"};
	struct err e = {0};

	for (size_t i = 0; i < N_ELEMENTS(words) - !have_ipv6(); i++) {
		struct listeners l;

		assert_int_equal(open_words(&l, words[i], &e), 0);
		assert_true(reaches(AF_INET, l.items[0].port));
		assert_int_equal(reaches(AF_INET6, l.items[0].port), have_ipv6());
		listeners_close(&l);
	}
}

static void test_several_words(void **state UNUSED)
{
	CLEANUP(freep) char *words = NULL;
	struct listeners l, again;
	struct err e = {0};
	unsigned port;

	assert_int_equal(open_words(&l, " 127.0.0.1:0, 127.0.0.2:0\t127.0.0.1:0 ", &e), 0);
	assert_int_equal(l.n, 3);
	port = l.items[1].port;
	assert_true(asprintf(&words, "127.0.0.3:0 127.0.0.2:%u", port) > 0);
	assert_int_equal(open_words(&again, words, &e), E_CONFLICT);
	assert_non_null(strstr(e.msg, "in use by another program"));
	assert_int_equal(again.n, 0);
	listeners_close(&l);
	freep(&words);
	assert_true(asprintf(&words, "127.0.0.2:%u,127.0.0.2:%u", port, port) > 0);
	assert_int_equal(open_words(&l, words, &e), 0);
	assert_int_equal(l.n, 1); /* twice the same */
	listeners_close(&l);
}

static void test_both_wildcards_of_one_port(void **state UNUSED)
{
	CLEANUP(freep) char *words = NULL;
	struct listeners l;
	struct err e = {0};
	unsigned port;

	if (!have_ipv6())
		return;
	assert_int_equal(open_words(&l, "127.0.0.1:0", &e), 0);
	port = l.items[0].port;
	listeners_close(&l);
	assert_true(asprintf(&words, "[::]:%u 0.0.0.0:%u", port, port) > 0);
	assert_int_equal(open_words(&l, words, &e), 0);
	assert_int_equal(l.n, 2);
	listeners_close(&l);
}

static void test_what_is_no_address(void **state UNUSED)
{
	static const char *const words[] = {"127.0.0.1", "8420", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:x",
		"::1:80", "[::1:80", "[]:80", "unix:", "unix:relative", "127.0.0.1:80/x", "http://127.0.0.1:0/",
		"ftp://127.0.0.1:0", "192.0.2.7:0", "nowhere.invalid:0", "", " , "};
	struct listeners l;
	struct err e = {0};

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		assert_int_equal(open_words(&l, words[i], &e), E_INVALID);
		assert_int_equal(e.msg[strlen(e.msg) - 1], '.');
		assert_int_equal(l.n, 0);
	}
	assert_int_equal(open_words(&l, "https://127.0.0.1:0", &e), E_INVALID);
	assert_non_null(strstr(e.msg, "--tls-cert"));
}

static void test_which_are_spoken_to_by_tls(void **state UNUSED)
{
	struct tls *tls = (struct tls *)(void *)folder; /* never looked into */
	CLEANUP(freep) char *words = NULL;
	struct listeners l;
	struct err e = {0};

	assert_true(asprintf(&words, "127.0.0.1:0 http://127.0.0.1:0 https://127.0.0.1:0 unix:%s/a https://unix:%s/b",
			    folder, folder) > 0);
	assert_int_equal(
		listeners_open(&l, &(struct listen_config){.words = words, .tls = tls, .unix_mode = 0600}, &e), 0);
	assert_int_equal(l.n, 5);
	for (size_t i = 0; i < l.n; i++)
		assert_ptr_equal(l.items[i].tls, i == 1 || i == 3 ? NULL : tls);
	listeners_close(&l);
}

static int unix_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void test_unix_socket(void **state UNUSED)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *word = NULL;
	struct listeners l, again;
	struct err e = {0};
	struct stat st;
	int fd;

	assert_true(asprintf(&path, "%s/sock", folder) > 0 && asprintf(&word, "unix:%s", path) > 0);
	assert_int_equal(open_words(&l, word, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_string_equal(l.items[0].address, word);
	assert_int_equal(l.items[0].port, 0);
	fd = unix_connect(path);
	assert_true(fd >= 0);
	close(fd);
	/* Somebody listens: nothing is taken away. */
	assert_int_equal(open_words(&again, word, &e), E_CONFLICT);
	fd = unix_connect(path);
	assert_true(fd >= 0);
	close(fd);
	/* Nobody does any more: what is left is replaced. */
	close(l.items[0].fd);
	l.items[0].fd = -1;
	assert_int_equal(open_words(&again, word, &e), 0);
	listeners_close(&l); /* the file is the other's now */
	assert_int_equal(stat(path, &st), 0);
	listeners_close(&again);
	assert_int_equal(stat(path, &st), -1);
}

static void test_unix_never_over_a_file(void **state UNUSED)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *word = NULL;
	struct listeners l;
	struct err e = {0};

	assert_true(asprintf(&path, "%s/file", folder) > 0 && asprintf(&word, "unix:%s", path) > 0);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(open_words(&l, word, &e), E_CONFLICT);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

/* Runs fn in a process whose descriptor 3 is what systemd would hand over; returns what it returned. */
static int with_handed(int fd, const char *names, bool for_us, int (*fn)(void))
{
	pid_t pid = fork();
	char text[32];
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd, 3);
		snprintf(text, sizeof(text), "%ld", (long)(for_us ? getpid() : 1));
		setenv("LISTEN_PID", text, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_FDNAMES", names, 1);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int open_handed(const char *words, bool standard, size_t n, bool handed)
{
	struct listeners l;
	struct err e = {0};

	if (listeners_open(&l, &(struct listen_config){.words = words, .standard = standard}, &e) < 0)
		return strstr(e.msg, "systemd") ? 50 : 51;
	if (l.n != n || l.handed != handed || getenv("LISTEN_FDS") || (handed && l.items[0].fd != 3))
		return 1;
	return handed && !(fcntl(3, F_GETFL) & O_NONBLOCK) ? 2 : 0;
}

static int handed_alone(void)
{
	return open_handed("127.0.0.1:0", true, 1, true);
}

static int handed_and_chosen(void)
{
	return open_handed("127.0.0.1:0", false, 2, true);
}

static int handed_to_another(void)
{
	return open_handed("127.0.0.1:0", true, 1, false);
}

static void test_sockets_of_systemd(void **state UNUSED)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(with_handed(fd, "http", true, handed_alone), 0);
	assert_int_equal(with_handed(fd, "web", true, handed_and_chosen), 0);
	assert_int_equal(with_handed(fd, "web", false, handed_to_another), 0);
	assert_int_equal(with_handed(plain, "web", true, handed_alone), 50); /* does not listen */
	assert_int_equal(with_handed(fd, "https", true, handed_alone), 51);  /* without a certificate */
	close(fd);
	close(plain);
}

static int remove_folder(void **state UNUSED)
{
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_localhost_is_both_families),
		cmocka_unit_test(test_every_address_is_both_families),
		cmocka_unit_test(test_several_words),
		cmocka_unit_test(test_both_wildcards_of_one_port),
		cmocka_unit_test(test_what_is_no_address),
		cmocka_unit_test(test_which_are_spoken_to_by_tls),
		cmocka_unit_test(test_unix_socket),
		cmocka_unit_test(test_unix_never_over_a_file),
		cmocka_unit_test(test_sockets_of_systemd),
	};

	if (!mkdtemp(folder))
		return 1;
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
