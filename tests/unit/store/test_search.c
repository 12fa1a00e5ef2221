/* The words of messages: how far a very long one is searched, and the index after it is gone. */
#include "store_test.h"

#include "base/buf.h"
#include "store/find.h"
#include "store/messages.h"
#include "store/search.h"

#define VERSION_BEFORE 39
#define WORDS          120000

/* Words that are all different: "w000000 w000001 ...", eight characters each. */
static char *many_words(const char *first)
{
	struct buf b = BUF_INIT((size_t)2 << 20);

	buf_add_str(&b, first);
	for (int i = 0; i < WORDS; i++)
		buf_printf(&b, " w%06d", i);
	char *text = buf_take(&b);
	assert_non_null(text);
	return text;
}

static size_t found(struct fixture *f, const char *query)
{
	struct find_result r;

	FINE(f, find_all(f->c, &(struct find_filter){.user_id = f->ada, .query = query}, 10, &f->a, &r, &f->e));
	return r.n;
}

/* The one of the bound, and those before and behind it. */
static void check_bound(struct fixture *f)
{
	char word[16];
	int last = SEARCH_CHARS / 8 - 2;

	assert_int_equal(found(f, "w000000"), 1);
	snprintf(word, sizeof(word), "w%06d", last);
	assert_int_equal(found(f, word), 1);
	snprintf(word, sizeof(word), "w%06d", last + 2);
	assert_int_equal(found(f, word), 0);
	snprintf(word, sizeof(word), "w%06d", WORDS - 1);
	assert_int_equal(found(f, word), 0);
}

/* An index that was not told the same words at the end as at the beginning is damaged. */
static int check_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	return db_is_postgres(c)
		       ? 0
		       : db_exec(c, NULL, e,
				 "INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)");
}

static void test_a_long_message(void **state)
{
	struct fixture *f = *state;
	CLEANUP(freep) char *text = many_words("begin");
	atelier_id v = add_conversation(f, f->ada, "Long");
	struct turn_begun t = begin(f, f->ada, v, text);

	check_bound(f);
	assert_int_equal(found(f, "begin"), 1);
	finish(f, t.turn_id, STATE_COMPLETE, text);
	assert_int_equal(found(f, "begin"), 2);
	FINE(f, db_write(f->db, check_in, NULL, &f->e));
	FINE(f, conversations_delete(f->db, f->ada, v, true, &f->e));
	assert_int_equal(found(f, "begin"), 0);
	FINE(f, db_write(f->db, check_in, NULL, &f->e));
}

/* What stands behind the bound in a script of three bytes each is behind the same number of characters. */
static void test_characters_count(void **state)
{
	struct fixture *f = *state;
	struct buf b = BUF_INIT((size_t)2 << 20);
	atelier_id v = add_conversation(f, f->ada, "Long");

	for (int i = 0; i < SEARCH_CHARS - 2; i++)
		buf_add_str(&b, "\xe3\x81\x82");
	buf_add_str(&b, " \xe6\x9d\xb1 \xe5\xaf\xbf");
	CLEANUP(freep) char *text = buf_take(&b);
	(void)begin(f, f->ada, v, text);
	assert_int_equal(found(f, "\xe6\x9d\xb1"), 1);
	assert_int_equal(found(f, "\xe5\xaf\xbf"), 0);
}

/* A database of before this bound. */
static void test_long_messages_of_before(void **state)
{
	struct fixture *f = *state;
	struct db_config config = {.path = f->path, .readers = 2};
	CLEANUP(freep) char *text = many_words("begin");
	char path[96];
	size_t n;
	const struct db_migration *m = store_migrations(&n);
	struct db *db;

	if (test_postgres())
		return; /* vectors of before stay */
	snprintf(path, sizeof(path), "%s/before.db", f->folder);
	config.path = path;
	FINE(f, db_open(&config, m, VERSION_BEFORE, &db, &f->e));
	db_release(f->c);
	db_close(f->db);
	f->db = db;
	f->ada = add_user(f, "ada", ROLE_ADMIN);
	atelier_id v = add_conversation(f, f->ada, "Long");
	(void)begin(f, f->ada, v, text);
	f->c = db_acquire(f->db);
	assert_int_equal(found(f, "w119999"), 1);
	db_release(f->c);
	db_close(f->db);
	FINE(f, db_open(&config, m, n, &f->db, &f->e));
	f->c = db_acquire(f->db);
	check_bound(f);
	FINE(f, db_write(f->db, check_in, NULL, &f->e));
}

/* Statements of one write, which fails when one of them does. */
static int write_in(struct db_conn *c, void *statements, struct err *e)
{
	int r = 0;

	for (const char *const *s = statements; *s && r == 0; s++)
		r = db_exec(c, NULL, e, *s);
	return r;
}

#define WRITE(f, ...) db_write((f)->db, write_in, (const char *[]){__VA_ARGS__, NULL}, &(f)->e)
#define SAY(text)     "UPDATE messages SET content = '" text "' WHERE role = 'user'"

/* A message that one transaction writes, changes and removes; and one whose write is undone. */
static void test_one_transaction(void **state)
{
	struct fixture *f = *state;
	atelier_id v = add_conversation(f, f->ada, "Short");
	struct turn_begun t = begin(f, f->ada, v, "first");

	finish(f, t.turn_id, STATE_COMPLETE, "answer");
	assert_int_equal(found(f, "first"), 1);
	assert_int_equal(found(f, "answer"), 1);
	FINE(f, WRITE(f, SAY("alpha"), SAY("beta"), "UPDATE messages SET content = '' WHERE role <> 'user'"));
	assert_int_equal(found(f, "first") + found(f, "alpha") + found(f, "answer"), 0);
	assert_int_equal(found(f, "beta"), 1);
	FINE(f, db_write(f->db, check_in, NULL, &f->e));

	assert_true(WRITE(f, SAY("gamma"), SAY("delta"), "no statement") < 0);
	err_clear(&f->e);
	assert_int_equal(found(f, "gamma") + found(f, "delta"), 0);
	assert_int_equal(found(f, "beta"), 1);
	FINE(f, db_write(f->db, check_in, NULL, &f->e));

	FINE(f, WRITE(f, SAY("epsilon"), "DELETE FROM conversations"));
	assert_int_equal(found(f, "beta") + found(f, "epsilon"), 0);
	FINE(f, db_write(f->db, check_in, NULL, &f->e));
}

/* An index that cannot be written keeps no answer from being stored; what it lacks is found once it can be. */
static void test_damaged_index(void **state)
{
	struct fixture *f = *state;
	atelier_id v = add_conversation(f, f->ada, "Short");

	if (test_postgres())
		return; /* the index is the database's own */
	FINE(f, WRITE(f, "CREATE TRIGGER broken BEFORE INSERT ON messages_fts_docsize BEGIN SELECT RAISE(ABORT, "
			 "'broken'); END"));
	struct turn_begun t = begin(f, f->ada, v, "first");
	finish(f, t.turn_id, STATE_COMPLETE, "answer");
	assert_int_equal(number(f, "SELECT count(*) FROM messages WHERE content IN ('first', 'answer')"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM messages_unindexed"), 2);
	FINE(f, WRITE(f, "DROP TRIGGER broken"));
	while (number(f, "SELECT count(*) FROM messages_unindexed") > 0) /* it is tried again each second */
		FINE(f, WRITE(f, "UPDATE users SET name = name"));
	assert_int_equal(number(f, "SELECT count(*) FROM messages_unindexed"), 0);
	assert_int_equal(found(f, "answer"), 1);
	FINE(f, db_write(f->db, check_in, NULL, &f->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_long_message),
		TEST(test_characters_count),
		TEST(test_long_messages_of_before),
		TEST(test_one_transaction),
		TEST(test_damaged_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
