/* Rows by their columns: that nothing is lost when two edit at once, and what each type of column keeps. */
#include <pthread.h>

#include "store/prices.h"
#include "store/store_priv.h"
#include "store_test.h"

#define EDITS 200

struct editor {
	struct fixture *f;
	atelier_id id;
	bool output; /* which of two columns it counts up */
};

static int count_up(void *row, void *arg, struct err *e UNUSED)
{
	const struct editor *x = arg;
	struct price *p = row;

	if (x->output)
		p->output_micros++;
	else
		p->input_micros++;
	return 0;
}

static void *edit_often(void *arg)
{
	struct editor *x = arg;

	for (int i = 0; i < EDITS; i++) {
		struct err e = {0};
		struct arena a;
		struct price p;

		arena_init(&a, 1 << 16);
		if (prices_edit(x->f->db, &(struct rows_edit){x->id, count_up, x, &a}, &p, &e) < 0)
			abort();
		arena_done(&a);
	}
	return NULL;
}

/* The only one. */
static struct price the_price(struct fixture *f)
{
	struct price_list all;

	FINE(f, prices_list(f->c, &f->a, &all, &f->e));
	assert_int_equal(all.n, 1);
	return all.items[0];
}

/* Each writes all columns, and what the other one has done in between stays. */
static void test_two_editors(void **state)
{
	struct fixture *f = *state;
	struct price p = {.pattern = "a/*", .cached_micros = -1};
	struct editor editors[2] = {{.f = f}, {.f = f, .output = true}};
	pthread_t threads[2];
	atelier_id id;

	FINE(f, prices_create(f->db, &p, &id, &f->e));
	for (int i = 0; i < 2; i++) {
		editors[i].id = id;
		assert_int_equal(pthread_create(&threads[i], NULL, edit_often, &editors[i]), 0);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	p = the_price(f);
	assert_int_equal(p.input_micros, EDITS);
	assert_int_equal(p.output_micros, EDITS);
}

static int refuse(void *row, void *arg UNUSED, struct err *e)
{
	((struct price *)row)->input_micros = 99;
	return err_set(e, E_INVALID, "No.");
}

static void test_refused_edit(void **state)
{
	struct fixture *f = *state;
	struct price p = {.pattern = "a/*", .input_micros = 1, .cached_micros = -1};
	struct rows_edit x = {.edit = refuse, .a = &f->a};
	struct price got;

	FINE(f, prices_create(f->db, &p, &x.id, &f->e));
	REFUSED(f, E_INVALID, prices_edit(f->db, &x, &got, &f->e));
	assert_int_equal(the_price(f).input_micros, 1);
	x.id = 4711;
	REFUSED(f, E_NOT_FOUND, prices_edit(f->db, &x, &got, &f->e));
}

/* ---- a table of all types ---- */

struct thing {
	atelier_id id, ref;
	int64_t number, opt, made_at, changed_at;
	bool flag;
	const char *name;
	struct str bytes;
};

#define T struct thing
static const struct col columns[] = {COL(I64, T, id), COL(REF, T, ref), COL(I64, T, number), COL(OPT, T, opt),
	COL(BOOL, T, flag), COL(TEXT, T, name), COL_FOLDED(T, name, "folded"), COL(BYTES, T, bytes),
	COL_CREATED(T, made_at), COL_UPDATED(T, changed_at)};
#undef T
static const struct rows_table things = {
	"things", "name", "There is no such thing.", "There is such a thing.", TABLE(struct thing, columns)};

#define THINGS(bytes_type)                                                                                             \
	"CREATE TABLE things (id BIGINT PRIMARY KEY, ref BIGINT, number BIGINT NOT NULL, opt BIGINT,"                  \
	" flag BIGINT NOT NULL, name TEXT, folded TEXT UNIQUE, bytes " bytes_type ", made_at BIGINT NOT NULL,"         \
	" changed_at BIGINT NOT NULL)"

static int make_table(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	return db_exec(c, NULL, e, test_postgres() ? THINGS("BYTEA") : THINGS("BLOB"));
}

static void test_types(void **state)
{
	struct fixture *f = *state;
	struct thing in = {.opt = -1, .name = "Ärger", .bytes = {"a\0b", 3}, .made_at = 5}, got, *list;
	size_t n;

	FINE(f, db_write(f->db, make_table, NULL, &f->e));
	FINE(f, rows_create(&things, f->db, &in, &in.id, &f->e));
	FINE(f, rows_get(&things, f->c, in.id, &f->a, &got, &f->e));
	assert_true(got.id == in.id && got.ref == 0 && got.opt == -1 && !got.flag);
	assert_string_equal(got.name, "Ärger");
	assert_true(str_eq(got.bytes, in.bytes));
	assert_true(got.made_at > 5 && got.changed_at == got.made_at);
	assert_int_equal(number(f, "SELECT count(*) FROM things WHERE ref IS NULL AND opt IS NULL"), 1);

	in.name = "ärger"; /* the same when it is compared */
	REFUSED(f, E_CONFLICT, rows_create(&things, f->db, &in, &(atelier_id){0}, &f->e));
	got.opt = 0;
	got.ref = 3;
	got.flag = true;
	got.name = NULL;
	got.bytes = (struct str){NULL, 0};
	got.made_at = 1;
	in = got;
	in.name = "x";
	FINE(f, rows_set(&things, f->db, &in, &f->e));
	FINE(f, rows_list(&things, f->c, &f->a, &list, &n, &f->e));
	assert_int_equal(n, 1);
	assert_true(list[0].opt == 0 && list[0].ref == 3 && list[0].flag && !list[0].bytes.p);
	assert_true(list[0].made_at > 5); /* is set once */
	FINE(f, rows_delete(&things, f->db, in.id, &f->e));
	REFUSED(f, E_NOT_FOUND, rows_delete(&things, f->db, in.id, &f->e));
	REFUSED(f, E_NOT_FOUND, rows_set(&things, f->db, &in, &f->e));
	REFUSED(f, E_NOT_FOUND, rows_get(&things, f->c, in.id, &f->a, &got, &f->e));
}

/* One number, some ids, and rows of a statement in which another table stands first. */
static void test_without_a_row(void **state)
{
	struct fixture *f = *state;
	struct thing one = {.opt = -1, .name = "one"}, two = {.opt = -1, .name = "two"}, *list;
	int64_t n = 7;
	atelier_id ids[1];
	size_t found;

	FINE(f, db_write(f->db, make_table, NULL, &f->e));
	FINE(f, STORE_I64(f->c, &n, NULL, &f->e, "SELECT id FROM things"));
	assert_int_equal(n, 0);
	n = 7;
	REFUSED(f, E_NOT_FOUND, STORE_I64(f->c, &n, "None.", &f->e, "SELECT id FROM things"));
	assert_int_equal(n, 7);
	FINE(f, STORE_IDS(f->c, ids, 1, &found, &f->e, "SELECT id FROM things"));
	assert_int_equal(found, 0);
	FINE(f, rows_create(&things, f->db, &one, &one.id, &f->e));
	FINE(f, rows_create(&things, f->db, &two, &two.id, &f->e));
	FINE(f, STORE_I64(f->c, &n, "None.", &f->e, "SELECT opt FROM things WHERE id = ?", DB_I64(one.id)));
	assert_int_equal(n, 0); /* NULL */
	FINE(f, STORE_I64(f->c, NULL, "None.", &f->e, "SELECT 1 FROM things"));
	FINE(f, STORE_IDS(f->c, ids, 1, &found, &f->e, "SELECT id FROM things ORDER BY id"));
	assert_true(found == 1 && ids[0] == one.id);
	FINE(f, rows_from(&things, f->c, &f->a, &list, &found, &f->e, "WITH w AS (SELECT id FROM things WHERE id > ?)",
			"w JOIN things ON things.id = w.id", DB_I64(one.id)));
	assert_true(found == 1 && list[0].id == two.id);
	assert_string_equal(list[0].name, "two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_editors), TEST(test_refused_edit), TEST(test_types), TEST(test_without_a_row)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
