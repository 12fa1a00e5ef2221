/* Uploads: rows and files together. */
#include "base/clock.h"
#include "store/uploads.h"
#include "store_test.h"

static atelier_id begin_upload(struct fixture *f, int64_t size)
{
	struct upload_new in = {.user_id = f->ada,
		.size = size,
		.metadata = "",
		.expires_at = clock_now_ms() + 60000,
		.quota = 2 * UPLOAD_LEAST};
	atelier_id id = 0;

	FINE(f, uploads_create(f->db, f->folder, &in, &id, &f->e));
	return id;
}

static void write_at(struct fixture *f, atelier_id id, int64_t at, const char *text)
{
	CLEANUP(closep) int fd = -1;
	int64_t n;

	FINE(f, upload_open(f->folder, id, &fd, &n, &f->e));
	assert_int_equal(n, at);
	FINE(f, upload_write(fd, at, text, strlen(text), &f->e));
}

static void test_parts(void **state)
{
	struct fixture *f = *state;
	CLEANUP(closep) int fd = -1;
	atelier_id id = begin_upload(f, 6);
	struct upload u;
	char text[8] = "";
	int64_t n;

	REFUSED(f, E_NOT_FOUND, uploads_get(f->c, id, f->bob, &f->a, &u, &f->e));
	FINE(f, uploads_get(f->c, id, f->ada, &f->a, &u, &f->e));
	write_at(f, id, 0, "abc");
	write_at(f, id, 3, "def");
	FINE(f, upload_open(f->folder, id, &fd, &n, &f->e));
	FINE(f, uploads_delete(f->db, f->folder, id, f->ada, &f->e));
	assert_int_equal(pread(fd, text, sizeof(text), 0), 6);
	assert_string_equal(text, "abcdef");
	REFUSED(f, E_NOT_FOUND, uploads_get(f->c, id, f->ada, &f->a, &u, &f->e));
	closep(&fd);
	REFUSED(f, E_NOT_FOUND, upload_open(f->folder, id, &fd, &n, &f->e));
}

static void test_quota(void **state)
{
	struct fixture *f = *state;
	struct upload_new in = {.user_id = f->ada, .metadata = "", .expires_at = INT64_MAX, .quota = 2 * UPLOAD_LEAST};
	atelier_id first = begin_upload(f, 0), id;

	(void)begin_upload(f, UPLOAD_LEAST);
	REFUSED(f, E_QUOTA, uploads_create(f->db, f->folder, &in, &id, &f->e));
	REFUSED(f, E_NOT_FOUND, uploads_delete(f->db, f->folder, first, f->bob, &f->e));
	FINE(f, uploads_delete(f->db, f->folder, first, f->ada, &f->e));
	FINE(f, uploads_create(f->db, f->folder, &in, &id, &f->e));
}

static void test_sweeps(void **state)
{
	struct fixture *f = *state;
	int64_t n = 0, much_later = clock_now_ms() + 120000;
	atelier_id id = begin_upload(f, 5);
	struct upload u;

	FINE(f, uploads_delete_expired(f->db, f->folder, clock_now_ms(), &n, &f->e));
	assert_int_equal(n, 0);
	FINE(f, uploads_delete_strays(f->db, f->folder, much_later, &n, &f->e));
	assert_int_equal(n, 0);
	FINE(f, uploads_delete_expired(f->db, f->folder, much_later, &n, &f->e));
	assert_int_equal(n, 1);
	REFUSED(f, E_NOT_FOUND, uploads_get(f->c, id, f->ada, &f->a, &u, &f->e));
	(void)begin_upload(f, 5);
	FINE(f, users_delete(f->db, f->bob, 0, &f->e));
	FINE(f, uploads_delete_strays(f->db, f->folder, much_later, &n, &f->e));
	assert_int_equal(n, 0);
}

/* No file may stay, or the folder would. */
static int clean(void **state)
{
	struct fixture *f = *state;
	char path[96];
	int64_t n;

	FINE(f, uploads_delete_expired(f->db, f->folder, INT64_MAX, &n, &f->e));
	snprintf(path, sizeof(path), "%s/uploads", f->folder);
	assert_int_equal(rmdir(path), 0);
	return teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parts, setup, clean),
		cmocka_unit_test_setup_teardown(test_quota, setup, clean),
		cmocka_unit_test_setup_teardown(test_sweeps, setup, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
