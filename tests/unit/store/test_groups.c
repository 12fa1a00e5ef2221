/* Groups and who is in them. */
#include "store/groups.h"
#include "store_test.h"

static void test_life(void **state)
{
	struct fixture *f = *state;
	atelier_id staff, empty, both[] = {f->bob, f->ada, f->bob};
	struct group_list list;
	struct group g;

	FINE(f, groups_create(f->db, "Staff", &staff, &f->e));
	FINE(f, groups_create(f->db, "Empty", &empty, &f->e));
	REFUSED(f, E_CONFLICT, groups_create(f->db, "sTAFF", &empty, &f->e));
	FINE(f, groups_set_members(f->db, staff, both, 3, &f->e));
	FINE(f, groups_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.items[0].name, "Empty");
	assert_int_equal(list.items[0].n_members, 0);
	assert_int_equal(list.items[1].n_members, 2);
	assert_string_equal(list.items[1].members[0].username, "ada");
	assert_true(list.items[1].members[1].id == f->bob);
	/* A member who is not there leaves all as it was. */
	REFUSED(f, E_NOT_FOUND, groups_set_members(f->db, staff, (atelier_id[]){f->bob, 4711}, 2, &f->e));
	FINE(f, groups_get(f->c, staff, &f->a, &g, &f->e));
	assert_int_equal(g.n_members, 2);
	REFUSED(f, E_CONFLICT, groups_rename(f->db, staff, "EMPTY", &f->e));
	REFUSED(f, E_NOT_FOUND, groups_rename(f->db, 4711, "Team", &f->e));
	FINE(f, groups_rename(f->db, staff, "Team", &f->e));
	FINE(f, groups_get(f->c, staff, &f->a, &g, &f->e));
	assert_string_equal(g.name, "Team");
	assert_true(g.created_at > 0 && g.n_members == 2);
	FINE(f, groups_set_members(f->db, staff, both, 1, &f->e));
	FINE(f, groups_get(f->c, staff, &f->a, &g, &f->e));
	assert_int_equal(g.n_members, 1);
	REFUSED(f, E_NOT_FOUND, groups_set_members(f->db, 4711, both, 1, &f->e));
	FINE(f, groups_delete(f->db, staff, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM group_members"), 0);
	REFUSED(f, E_NOT_FOUND, groups_delete(f->db, staff, &f->e));
	REFUSED(f, E_NOT_FOUND, groups_get(f->c, staff, &f->a, &g, &f->e));
	REFUSED(f, E_NOT_FOUND, groups_get(f->c, 0, &f->a, &g, &f->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_life)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
