/* The search over what was said, where very much has the words and hardly anything passes the filter. */
#include "store_test.h"

#include "base/buf.h"
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

	FINE(f, shared_create(&folders_kind, f->db,
			&(struct folder){.user_id = f->ada, .name = "Kitchen", .instructions = ""}, &ids[0], &f->e));
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

/* Many pass the filter, and very many of those that have the words are newer and do not. */
static void test_many_behind_more(void **state)
{
	struct fixture *f = *state;
	atelier_id then = add_conversation(f, f->ada, "Then");
	struct find_filter x = {.user_id = f->ada, .role = "user"};
	struct find_result found;

	say(f, (struct said){.conversation_id = then, .first_id = 100, .n = 2 * MANY + 100, .role = "user"});
	say(f, (struct said){.conversation_id = then, .first_id = 10000, .n = 2 * MANY + 100, .role = "assistant"});
	found = search(f, x, 20);
	assert_int_equal(found.n, 20);
	assert_int_equal(found.items[0].message_id, 100 + 2 * MANY + 99);
	assert_true(found.more);
	x.before_id = 10000 + 300;
	found = search(f, x, 20);
	assert_int_equal(found.n, 20);
	assert_int_equal(found.items[19].message_id, 100 + 2 * MANY + 80);
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

/* ---- what is shown ---- */

static int write_in(struct db_conn *c, void *arg, struct err *e)
{
	const char *const *role_and_text = arg;

	return db_exec(c, NULL, e,
		"INSERT INTO messages (id, conversation_id, role, state, created_at, content)"
		" SELECT 10, id, ?, 'complete', 0, ? FROM conversations",
		DB_TEXT(role_and_text[0]), DB_TEXT(role_and_text[1]));
}

static int forget_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	return db_exec(c, NULL, e, "DELETE FROM messages");
}

/* The excerpt of the one hit, with [] around what was found. */
static void shown(struct fixture *f, const char *role, const char *text, const char *query, const char *expected)
{
	const char *role_and_text[] = {role, text};
	struct find_filter x = {.user_id = f->ada, .query = query};
	struct find_result found;
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	FINE(f, db_write(f->db, write_in, role_and_text, &f->e));
	FINE(f, find_all(f->c, &x, 20, &f->a, &found, &f->e));
	assert_int_equal(found.n, 1);
	for (size_t i = 0; i < found.items[0].n_pieces; i++)
		buf_printf(&b, found.items[0].pieces[i].hit ? "[%s]" : "%s", found.items[0].pieces[i].text);
	assert_string_equal(b.p, expected);
	FINE(f, db_write(f->db, forget_in, NULL, &f->e));
}

static void test_marks(void **state)
{
	struct fixture *f = *state;

	(void)add_conversation(f, f->ada, "Untitled");
	shown(f, "assistant", "The **pantry** is `cold`.", "pantry", "The [pantry] is cold.");
	shown(f, "assistant", "## Bread\n\n* **Flour** of rye\n* ~~salt~~\n> See [the shop](https://shop.example/).",
		"flour", "Bread\n- [Flour] of rye\n- salt\nSee the shop.");
	shown(f, "assistant", "| Kind | Weight |\n|---|---:|\n| Rye | 500 g |", "rye", "Kind Weight\n[Rye] 500 g");
	shown(f, "assistant", "```c\nint **rows = a ** b;\n```\nwith snake_case and 2 * 3.", "snake_case",
		"int **rows = a ** b;\nwith [snake_case] and 2 * 3.");
	/* What is not in the text alone is shown as it stands, and so is what a person typed. */
	shown(f, "assistant", "See [the **shop**](https://market.example/).", "market",
		"See [the **shop**](https://[market].example/).");
	shown(f, "user", "What is **bold**?", "bold", "What is **[bold]**?");
}

/* Of one line of many KiB whole characters are shown, and words before the place; of long code what stands in it. */
static void test_long_texts(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = BUF_INIT(16384), expected = BUF_INIT(1024);

	(void)add_conversation(f, f->ada, "Untitled");
	buf_add_str(&text, "needle ");
	for (int i = 0; i < 3000; i++)
		buf_add_str(&text, "é");
	buf_add_str(&expected, "[needle] ");
	for (int i = 0; i < 116; i++)
		buf_add_str(&expected, "é");
	shown(f, "assistant", text.p, "needle", expected.p);

	text.n = 0;
	for (int i = 0; i < 1000; i++)
		buf_add_str(&text, "words ");
	buf_add_str(&text, "and a **needle** here");
	shown(f, "assistant", text.p, "needle",
		"words words words words words words words words words and a [needle] here");

	text.n = 0;
	buf_add_str(&text, "```py\n");
	for (int i = 0; i < 400; i++)
		buf_add_str(&text, "x = *p * *q\n");
	buf_add_str(&text, "needle = __init__");
	buf_add_str(&text, "\n```\n");
	shown(f, "assistant", text.p, "needle",
		"= *p * *q\nx = *p * *q\nx = *p * *q\nx = *p * *q\nx = *p * *q\n[needle] = __init__\n```\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rare_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_behind_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_texts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
