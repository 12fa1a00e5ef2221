/* A turn from its question to the database, as the server runs it, answered by the Librarian: nothing of it needs a network. The
 * search in the manual is the test's, and waits where an answer is to be met while it is being made. */
#include "../patience.h"
#include "../store/store_test.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>

#include "provider/librarian.h"
#include "turn/turn.h"

struct run {
	struct fixture *f;
	char journal[100];
	struct settings settings;
	struct loop *loop;
	pthread_t thread;
	struct bus *bus;
	struct bus_subscriber subscriber;
	struct providers *providers;
	struct calls *calls;
	struct turns *turns;
	sem_t ended, titled; /* a turn; a conversation, by a model */
	bool holds;          /* the next searches wait: */
	sem_t asked, go;
};

static void await(sem_t *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	assert_int_equal(sem_timedwait(s, &until), 0);
}

static int search(void *arg, const char *query, size_t limit, struct arena *a, struct manual_passage **ret,
	size_t *ret_n, struct err *e UNUSED)
{
	struct run *run = arg;

	assert_true(limit > 0 && *query);
	if (__atomic_load_n(&run->holds, __ATOMIC_SEQ_CST)) {
		sem_post(&run->asked);
		await(&run->go);
	}
	*ret = ARENA_NEW(a, struct manual_passage);
	assert_non_null(*ret);
	**ret = (struct manual_passage){
		.title = "Backups", .heading = "How to", .body = "Copy the folder.", .url = "/#/manual/backups"};
	*ret_n = 1;
	return 0;
}

static void hear(void *arg, const struct bus_event *ev)
{
	struct run *run = arg;

	if (ev->kind == BUS_TURN && strcmp(ev->what, "ended") == 0)
		sem_post(&run->ended);
	if (ev->kind == BUS_CONVERSATION && strcmp(ev->what, "updated") == 0)
		sem_post(&run->titled);
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void start_providers(struct run *run)
{
	struct fixture *f = run->f;
	static const char *const targets[] = {"librarian"};
	const struct model_route guide = {.pattern = "guide", .targets = targets, .n_targets = 1};
	const struct catalogue_rules rules = {.routes = &guide, .n_routes = 1, .tasks = {[TASK_TITLE] = "librarian"}};

	settings_init(&run->settings);
	FINE(f, settings_set(&run->settings, "ollama_host", "", "test", &f->e));
	FINE(f, providers_new(
			&(struct providers_config){.settings = &run->settings, .loop = run->loop, .bus = run->bus},
			&run->providers, &f->e));
	FINE(f, providers_configure(run->providers, NULL, 0, &rules, &f->e));
	librarian_set_manual(run->providers, search, run);
}

static int set_up(void **state)
{
	struct run *run = xcalloc(1, sizeof *run);

	if (setup(state) < 0)
		return -1;
	struct fixture *f = run->f = *state;
	*state = run;
	snprintf(run->journal, sizeof run->journal, "%s/journal", f->folder);
	assert_int_equal(mkdir(run->journal, 0700), 0);
	sem_init(&run->ended, 0, 0);
	sem_init(&run->titled, 0, 0);
	sem_init(&run->asked, 0, 0);
	sem_init(&run->go, 0, 0);
	run->loop = loop_new();
	run->bus = bus_new();
	run->subscriber = (struct bus_subscriber){.fn = hear, .arg = run};
	bus_subscribe(run->bus, &run->subscriber);
	start_providers(run);
	const struct calls_config calls = {.settings = &run->settings, .db = f->db, .providers = run->providers};
	FINE(f, calls_new(&calls, &run->calls, &f->e));
	FINE(f, turns_new(&(struct turns_config){.settings = &run->settings,
				  .loop = run->loop,
				  .db = f->db,
				  .providers = run->providers,
				  .calls = run->calls,
				  .journal_dir = run->journal,
				  .bus = run->bus},
			&run->turns, &f->e));
	assert_int_equal(pthread_create(&run->thread, NULL, run_loop, run->loop), 0);
	return 0;
}

/* In the order of the server. */
static int tear_down(void **state)
{
	struct run *run = *state;
	struct dirent *entry;

	turns_stop(run->turns);
	calls_free(run->calls);
	providers_free(run->providers);
	loop_stop(run->loop);
	pthread_join(run->thread, NULL);
	turns_free(run->turns);
	loop_free(run->loop);
	bus_unsubscribe(run->bus, &run->subscriber);
	bus_free(run->bus);
	settings_done(&run->settings);
	DIR *d = opendir(run->journal);
	while (d && (entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(run->journal);
	*state = run->f;
	free(run);
	return teardown(state);
}

static struct turn_ids ask(struct run *run, const struct turn_request *q)
{
	struct fixture *f = run->f;
	struct turn_asked asked;

	FINE(f, turn_start(run->turns, q, &asked, &f->e));
	assert_int_equal(asked.n, 1);
	assert_true(asked.ids[0].turn_id > 0);
	return asked.ids[0];
}

/* The answer as it is stored, once its turn has ended and is gone. */
static struct message answer(struct run *run, const struct turn_ids *ids)
{
	struct fixture *f = run->f;
	struct message m;

	await(&run->ended);
	assert_true(turns_end_conversation(run->turns, ids->conversation_id, PATIENCE_MS));
	assert_int_equal(turns_live(run->turns), 0);
	assert_false(turn_cancel(run->turns, ids->turn_id, E_CANCELED));
	FINE(f, messages_get(f->c, f->ada, ids->message_id, &f->a, &m, &f->e));
	assert_int_equal(m.turn_id, ids->turn_id);
	return m;
}

static struct conversation conversation(struct run *run, atelier_id id)
{
	struct fixture *f = run->f;
	struct conversation v;

	FINE(f, conversations_get(f->c, f->ada, id, &f->a, &v, &f->e));
	return v;
}

static void test_answered(void **state)
{
	struct run *run = *state;
	struct fixture *f = run->f;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_ids ids = ask(run, &(struct turn_request){.user_id = f->ada,
					       .conversation_id = id,
					       .content = "How do I back up?",
					       .model = "librarian"});
	struct message m = answer(run, &ids), question;
	struct turn_record turn;

	assert_string_equal(m.state, STATE_COMPLETE);
	assert_int_equal(strncmp(m.content, "I am the Librarian.", 19), 0);
	assert_non_null(strstr(m.content, "> Copy the folder."));
	assert_non_null(strstr(m.parts, "\"citation\""));
	assert_string_equal(m.model, "librarian");
	assert_string_equal(m.finish_reason, "stop");
	assert_null(m.error_code);
	FINE(f, messages_get(f->c, f->ada, ids.user_message_id, &f->a, &question, &f->e));
	assert_string_equal(question.content, "How do I back up?");
	assert_int_equal(m.parent_id, question.id);
	FINE(f, turns_get(f->c, f->ada, ids.turn_id, &f->a, &turn, &f->e));
	assert_string_equal(turn.state, STATE_COMPLETE);
	assert_true(turn.last_seq > 2 && turn.ended_at >= turn.created_at);
	/* It is called by its question, and may be asked again. */
	assert_string_equal(conversation(run, id).title, "How do I back up?");
	assert_string_equal(conversation(run, id).title_state, TITLE_PLAIN);
	assert_int_equal(conversation(run, id).turn_id, 0);
	FINE(f, calls_flush(run->calls, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM usage WHERE purpose = 'chat'"), 1);
}

/* By a name of its own the same model is one as any other: the conversation is named by a model afterwards. */
static void test_named(void **state)
{
	struct run *run = *state;
	struct fixture *f = run->f;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_ids ids = ask(run,
		&(struct turn_request){
			.user_id = f->ada, .conversation_id = id, .content = "How do I back up?", .model = "guide"});

	assert_string_equal(answer(run, &ids).state, STATE_COMPLETE);
	await(&run->titled);
	assert_int_equal(strncmp(conversation(run, id).title, "I am the Librarian", 18), 0);
	assert_string_not_equal(conversation(run, id).title_state, TITLE_PLAIN);
}

/* Stopped in its midst; what was said until then stays, and is gone on with. */
static void test_canceled(void **state)
{
	struct run *run = *state;
	struct fixture *f = run->f;
	atelier_id id = add_conversation(f, f->ada, NULL);
	struct turn_request q = {
		.user_id = f->ada, .conversation_id = id, .content = "How do I back up?", .model = "librarian"};
	struct turn_asked other;

	__atomic_store_n(&run->holds, true, __ATOMIC_SEQ_CST);
	struct turn_ids ids = ask(run, &q);
	await(&run->asked);
	assert_int_equal(turns_live(run->turns), 1);
	assert_int_equal(conversation(run, id).turn_id, ids.turn_id);
	REFUSED(f, E_CONFLICT, turn_start(run->turns, &q, &other, &f->e));
	assert_true(turn_cancel(run->turns, ids.turn_id, E_CANCELED));
	__atomic_store_n(&run->holds, false, __ATOMIC_SEQ_CST);
	sem_post(&run->go);
	struct message m = answer(run, &ids);
	assert_string_equal(m.state, STATE_CANCELED);
	assert_null(m.error_code);
	assert_null(strstr(m.content, "Copy the folder."));
	assert_int_equal(conversation(run, id).turn_id, 0);
	q.place = TURN_GO_ON;
	q.content = NULL;
	struct turn_ids more = ask(run, &q);
	assert_int_equal(more.message_id, ids.message_id);
	struct message whole = answer(run, &more);
	assert_string_equal(whole.state, STATE_COMPLETE);
	assert_int_equal(strncmp(whole.content, m.content, strlen(m.content)), 0);
	assert_non_null(strstr(whole.content, "Copy the folder."));
}

/* The server stops under it: the answer says that it was cut off. */
static void test_interrupted(void **state)
{
	struct run *run = *state;
	struct fixture *f = run->f;
	atelier_id id = add_conversation(f, f->ada, NULL);

	__atomic_store_n(&run->holds, true, __ATOMIC_SEQ_CST);
	struct turn_ids ids =
		ask(run, &(struct turn_request){
				 .user_id = f->ada, .conversation_id = id, .content = "How?", .model = "librarian"});
	await(&run->asked);
	assert_true(turn_cancel(run->turns, ids.turn_id, E_STOPPING));
	sem_post(&run->go);
	struct message m = answer(run, &ids);
	assert_string_equal(m.state, STATE_INTERRUPTED);
	assert_string_equal(m.error_code, err_info(E_INTERRUPTED)->wire_code);
}

int main(void)
{
#define RUN(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		RUN(test_answered), RUN(test_named), RUN(test_canceled), RUN(test_interrupted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
