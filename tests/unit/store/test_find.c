/* The search over what was said, where very much has the words and hardly anything passes the filter. */
#include "store_test.h"

#include "store/find.h"
#include "store/folders.h"

#define MANY 2500 /* more than are looked at one by one */

struct said {
	atelier_id conversation_id, first_id;
	int64_t n, created_at;
	const char *role, *model;
	bool pinned;
};

static int say_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct said *s = arg;

	return db_exec(c, NULL, e,
		"INSERT INTO messages (id, conversation_id, role, state, model, created_at, pinned, content)"
		" WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
		" SELECT ? + i, ?, ?, 'complete', ?, ?, ?, 'Bread and butter' FROM n",
		DB_I64(s->n), DB_I64(s->first_id), DB_I64(s->conversation_id), DB_TEXT(s->role), DB_TEXT(s->model),
		DB_I64(s->created_at), DB_I64(s->pinned));
}

static void say(struct fixture *f, struct said s)
{
	FINE(f, db_write(f->db, say_in, &s, &f->e));
}

static int put_in_folder(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *ids = arg;

	return db_exec(
		c, NULL, e, "UPDATE conversations SET folder_id = ? WHERE id = ?", DB_I64(ids[0]), DB_I64(ids[1]));
}

/* Bob's, then ada's first one, then very many of hers. */
static void fill(struct fixture *f, atelier_id *ret_folder)
{
	atelier_id bobs = add_conversation(f, f->bob, "Bob's"), first = add_conversation(f, f->ada, "First"),
		   then = add_conversation(f, f->ada, "Then");
	atelier_id ids[2] = {0, first};

	FINE(f, folders_create(f->db, &(struct folder){.user_id = f->ada, .name = "Kitchen", .instructions = ""},
			&ids[0], &f->e));
	FINE(f, db_write(f->db, put_in_folder, ids, &f->e));
	say(f, (struct said){.conversation_id = bobs, .first_id = 10, .n = 1, .created_at = 1000, .role = "user"});
	say(f, (struct said){.conversation_id = first,
		       .first_id = 20,
		       .n = 1,
		       .created_at = 2000,
		       .role = "assistant",
		       .model = "rare:1b",
		       .pinned = true});
	say(f, (struct said){.conversation_id = then, .first_id = 100, .n = MANY, .created_at = 3000, .role = "user"});
	*ret_folder = ids[0];
}

static struct find_result search(struct fixture *f, struct find_filter x, size_t limit)
{
	struct find_result found = {0};

	x.query = "bread";
	FINE(f, find_all(f->c, &x, limit, &f->a, &found, &f->e));
	return found;
}

static void only(struct fixture *f, struct find_filter x, atelier_id id)
{
	struct find_result found = search(f, x, 20);

	assert_int_equal(found.n, 1);
	assert_int_equal(found.items[0].message_id, id);
	assert_false(found.more);
}

static void test_rare_filters(void **state)
{
	struct fixture *f = *state;
	atelier_id folder;

	fill(f, &folder);
	only(f, (struct find_filter){.user_id = f->ada, .pinned = true}, 20);
	only(f, (struct find_filter){.user_id = f->ada, .model = "rare:1b"}, 20);
	only(f, (struct find_filter){.user_id = f->ada, .role = "assistant"}, 20);
	only(f, (struct find_filter){.user_id = f->ada, .to = 2500}, 20);
	only(f, (struct find_filter){.user_id = f->ada, .folder_id = folder}, 20);
	only(f, (struct find_filter){.user_id = f->ada, .pinned = true, .before_id = 100 + MANY / 2}, 20);
	only(f, (struct find_filter){.user_id = f->bob}, 10);
	assert_int_equal(search(f, (struct find_filter){.user_id = f->ada, .model = "none:1b"}, 20).n, 0);
	assert_int_equal(search(f, (struct find_filter){.user_id = f->bob, .pinned = true}, 20).n, 0);
}

/* Page after page, near and far, each once and in order. */
static void test_pages(void **state)
{
	struct fixture *f = *state;
	struct find_filter x = {.user_id = f->ada};
	struct find_result found = {.more = true};
	atelier_id last = INT64_MAX, folder;
	size_t n = 0;

	fill(f, &folder);
	while (found.more) {
		found = search(f, x, 400);
		for (size_t i = 0; i < found.n; i++) {
			assert_true(found.items[i].message_id < last);
			last = found.items[i].message_id;
		}
		n += found.n;
		x.before_id = last;
	}
	assert_int_equal(n, MANY + 1);
	assert_int_equal(last, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rare_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
