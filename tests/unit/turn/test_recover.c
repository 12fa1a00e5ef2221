/* What a start makes of the turns that the last run has left: also from a damaged journal, with a database that refuses,
 * and again after being cut off itself. */
#include "../store/store_test.h"
#include "journal_write.h"

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "sys/fault.h"
#include "turn/journal_priv.h"
#include "turn/turn_priv.h"

#define TURNS  6
#define EVENTS 12 /* of each, each in a record of its own */

/* As the server has them, but for what serving needs. */
struct run {
	struct fixture *f;
	struct turns all;
	struct settings settings;
	char journal[100];
	int64_t keeps_until_s;
	atelier_id turns[TURNS], messages[TURNS], conversations[TURNS];
	pthread_t thread;
	struct bus_subscriber subscriber;
	unsigned told;
};

static void hear(void *arg, const struct bus_event *ev)
{
	struct run *run = arg;

	assert_true(ev->user_id == run->f->bob && ev->id && ev->turn_id);
	assert_int_equal(ev->kind, BUS_TURN);
	assert_string_equal(ev->what, "ended");
	__atomic_add_fetch(&run->told, 1, __ATOMIC_SEQ_CST);
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void begin_turns(struct run *run)
{
	struct fixture *f = run->f;

	for (int i = 0; i < TURNS; i++) {
		struct turn_begin in = {.user_id = f->bob, .content = "Hi", .model = "small", .title = "t"};
		struct turn_begun out;
		run->conversations[i] = in.conversation_id = add_conversation(f, f->bob, "t");
		FINE(f, turns_begin(f->db, &in, &out, &f->e));
		run->turns[i] = out.turn_id;
		run->messages[i] = out.message_id;
	}
}

/* Every turn has a `start` and then texts, "<0.1>" being the second one of the first turn. */
static void write_journal(struct run *run)
{
	struct journal *j;
	struct err e = {0};
	int64_t mark;

	assert_int_equal(
		journal_open(&(struct journal_config){.dir = run->journal, .segment_bytes = 1 << 20}, &j, &e), 0);
	journal_begin(j, &mark);
	for (unsigned k = 0; k < EVENTS; k++)
		for (int i = 0; i < TURNS; i++) {
			CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
			char json[60];
			snprintf(json, sizeof json, "{\"text\":\"<%d.%u>\"}", i, k);
			event_add_frame(&b, k + 1, k ? EV_TEXT : EV_START, json, strlen(json));
			journal_add(j, run->turns[i], buf_str(&b));
		}
	assert_int_equal(journal_write(j), 0);
	journal_close(j);
}

static struct run *run_new(struct fixture *f)
{
	struct run *run = xcalloc(1, sizeof *run);

	run->f = f;
	snprintf(run->journal, sizeof run->journal, "%s/journal", f->folder);
	begin_turns(run);
	write_journal(run);
	return run;
}

static void start(struct run *run)
{
	struct turns *all = &run->all;
	struct err e = {0};

	*all = (struct turns){.settings = &run->settings, .db = run->f->db, .store_retry_ms = 1};
	all->config = (struct turns_config){
		.journal_dir = run->journal, .bus = bus_new(), .keeps_journal_until_s = run->keeps_until_s};
	run->subscriber = (struct bus_subscriber){.fn = hear, .arg = run};
	bus_subscribe(all->config.bus, &run->subscriber);
	pthread_mutex_init(&all->mx, NULL);
	cancel_init(&all->stop);
	all->loop = loop_new();
	assert_int_equal(journal_list(run->journal, &all->left, &e), 0);
	assert_int_equal(journal_open(&(struct journal_config){.dir = run->journal, .segment_bytes = 1 << 20},
				 &all->journal, &e),
		0);
	assert_int_equal(turnlogs_new(all->loop, journal_sink(all->journal), 60000, 60000, &all->logs), 0);
	assert_int_equal(
		pool_new(&(struct pool_config){.name = "recover", .max = 1, .max_queue = 1}, &all->recover_thread), 0);
	assert_int_equal(recovery_start(all, &e), 0);
	assert_int_equal(pthread_create(&run->thread, NULL, run_loop, all->loop), 0);
}

/* Ends as the server does; `now`: without waiting for the recovery. */
static void stop(struct run *run, bool now)
{
	struct turns *all = &run->all;

	if (now)
		cancel_fire(&all->stop, E_STOPPING);
	pool_free(all->recover_thread);
	cancel_fire(&all->stop, E_STOPPING);
	loop_stop(all->loop);
	pthread_join(run->thread, NULL);
	recovery_free(all);
	journal_files_done(&all->left);
	turnlogs_free(all->logs);
	journal_close(all->journal);
	loop_free(all->loop);
	bus_unsubscribe(all->config.bus, &run->subscriber);
	bus_free(all->config.bus);
	cancel_done(&all->stop);
	pthread_mutex_destroy(&all->mx);
}

static void run_free(struct run *run)
{
	struct dirent *entry;
	DIR *d = opendir(run->journal);

	while (d && (entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(run->journal);
	free(run);
	fault_set(NULL);
}

static const char *text_of(struct run *run, int i, const char *want_state)
{
	struct fixture *f = run->f;
	struct message m;

	FINE(f, messages_get(f->c, f->bob, run->messages[i], &f->a, &m, &f->e));
	assert_string_equal(m.state, want_state);
	return m.content;
}

/* The stored events are numbered from 1 on without a gap, and say what the message says. */
static void assert_numbered(struct run *run, int i)
{
	struct fixture *f = run->f;
	CLEANUP(frames_done) struct frames frames = FRAMES_INIT(1 << 20);
	struct event_frame frame;
	struct turn_log log;
	uint64_t seq = 0;

	FINE(f, turns_log(f->c, run->turns[i], &f->a, &log, &f->e));
	assert_int_equal(log_unpack(log.data, log.size, &frames), 0);
	for (const struct chunk *c = frames.first; c; c = c->next) {
		size_t pos = 0;
		while (event_next_frame((struct str){c->p, c->n}, &pos, &frame) == 1)
			assert_int_equal(frame.seq, ++seq);
	}
	assert_int_equal(frame.type, EV_DONE);
	assert_true(seq > 1);
}

static bool says(const char *text, int i, unsigned k)
{
	char word[20];

	snprintf(word, sizeof word, "<%d.%u>", i, k);
	return strstr(text, word);
}

static void test_all_come_back(void **state)
{
	struct run *run = run_new(*state);

	start(run);
	stop(run, false);
	for (int i = 0; i < TURNS; i++) {
		const char *text = text_of(run, i, STATE_INTERRUPTED);
		for (unsigned k = 1; k < EVENTS; k++)
			assert_true(says(text, i, k));
		assert_null(strstr(text, "\xe2\x80\xa6"));
		assert_numbered(run, i);
	}
	assert_int_equal(run->told, TURNS);
	struct journal_files files;
	struct err e = {0};
	assert_int_equal(journal_list(run->journal, &files, &e), 0);
	assert_int_equal(files.n, 0);
	journal_files_done(&files);
	run_free(run);
}

/* The bytes of the journal; `write`: the other way. */
static size_t journal_io(struct run *run, char *p, size_t n, bool write)
{
	char path[PATH_BYTES];

	segment_path(run->journal, 1, path);
	CLEANUP(closep) int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	ssize_t k = write ? pwrite(fd, p, n, 0) : pread(fd, p, n, 0);
	assert_true(k > 0);
	return (size_t)k;
}

/* Bytes are flipped anywhere: all other events are kept, in their order and with their numbers; a hole is marked. */
static void damage_and_recover(struct fixture *f, unsigned round)
{
	struct run *run = run_new(f);
	static char bytes[1 << 16];
	size_t n = journal_io(run, bytes, sizeof bytes, false), end = n;
	unsigned lost = 0;

	while (end && !bytes[end - 1])
		end--;
	for (unsigned i = 0; i < 3; i++) {
		size_t at = HEAD_BYTES + (round * 7919 + i * 104729) % (end - HEAD_BYTES);
		bytes[at] = (char)(bytes[at] ^ (1 << round % 8));
	}
	journal_io(run, bytes, n, true);
	start(run);
	stop(run, false);
	for (int i = 0; i < TURNS; i++) {
		const char *text = text_of(run, i, STATE_INTERRUPTED), *last = text;
		unsigned missing = 0, behind = 0;
		for (unsigned k = 1; k < EVENTS; k++) {
			bool there = says(text, i, k);
			missing += !there;
			behind = there ? 0 : behind + 1;
		}
		lost += missing;
		if (missing > behind) { /* not only at its end, where nothing tells of it */
			assert_non_null(strstr(text, "\xe2\x80\xa6"));
			assert_int_equal(
				number(f, "SELECT count(*) FROM messages WHERE error_text LIKE '%a part of what%'") > 0,
				1);
		}
		assert_true(last == text);
		assert_numbered(run, i);
	}
	assert_true(lost <= 3);
	run_free(run);
}

static void test_damage(void **state)
{
	for (unsigned round = 0; round < 40; round++)
		damage_and_recover(*state, round);
}

/* A copy of a file of the journal brings nothing twice. */
static void test_file_twice(void **state)
{
	struct run *run = run_new(*state);
	static char bytes[1 << 16];
	size_t n = journal_io(run, bytes, sizeof bytes, false);
	char path[PATH_BYTES];

	segment_path(run->journal, 5, path);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
	close(fd);
	start(run);
	stop(run, false);
	const char *text = text_of(run, 0, STATE_INTERRUPTED);
	assert_null(strstr(strstr(text, "<0.3>") + 1, "<0.3>"));
	run_free(run);
}

/* Moves what stands behind `at` into a file before, so that the second half of each turn comes first; `damage`: a byte
 * of the middle is flipped, too. */
static void cut_in_two(struct run *run, bool damage)
{
	static char bytes[1 << 16];
	size_t n = journal_io(run, bytes, sizeof bytes, false), end = n, half;
	char path[PATH_BYTES];

	while (end && !bytes[end - 1])
		end--;
	for (half = end / 2; memcmp(bytes + half, "id: ", 4) != 0; half++)
		;
	half -= RECORD_HEAD;
	segment_path(run->journal, 9, path);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(pwrite(fd, bytes, half, 0), (ssize_t)half);
	close(fd);
	memmove(bytes + HEAD_BYTES, bytes + half, end - half);
	memset(bytes + HEAD_BYTES + end - half, 0, half - HEAD_BYTES);
	if (damage)
		bytes[HEAD_BYTES + 100] ^= 1;
	journal_io(run, bytes, n, true);
}

/* Files of the journal that somebody has brought into another order are read in that of the events. */
static void test_another_order(void **state)
{
	for (int damage = 0; damage < 2; damage++) {
		struct run *run = run_new(*state);
		int lost = 0;

		cut_in_two(run, damage);
		start(run);
		stop(run, false);
		for (int i = 0; i < TURNS; i++) {
			const char *text = text_of(run, i, STATE_INTERRUPTED), *last = text;
			for (unsigned k = 1; k < EVENTS; k++) {
				char word[20];
				snprintf(word, sizeof word, "<%d.%u>", i, k);
				const char *there = strstr(text, word);
				lost += !there;
				assert_true(!there || there >= last);
				last = there ? there : last;
			}
			assert_numbered(run, i);
		}
		assert_int_equal(lost, damage);
		run_free(run);
	}
}

static void make_refuse(struct run *run, const char *sql)
{
	char path[100], command[400];

	snprintf(path, sizeof path, "%s/atelier.db", run->f->folder);
	snprintf(command, sizeof command, "%s", sql);
	sqlite3 *h;
	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	sqlite3_busy_timeout(h, 5000);
	assert_int_equal(sqlite3_exec(h, command, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

/* One that the database refuses for ever because of its figures loses these alone, and holds up no other. */
static void test_refused_figures(void **state)
{
	struct run *run = run_new(*state);

	make_refuse(run,
		"CREATE TRIGGER no_log BEFORE UPDATE OF log ON turns WHEN new.log IS NOT NULL AND new.rowid IN"
		" (SELECT rowid FROM turns ORDER BY id LIMIT 1 OFFSET 2) BEGIN SELECT RAISE(ABORT, 'no'); END");
	start(run);
	stop(run, false);
	for (int i = 0; i < TURNS; i++)
		assert_true(says(text_of(run, i, STATE_INTERRUPTED), i, EVENTS - 1));
	run_free(run);
}

/* One that is refused whatever is left out is put into a file, and the message says where. */
static void test_set_aside(void **state)
{
	struct run *run = run_new(*state);
	char id[ID_LEN + 1], path[200];

	make_refuse(run,
		"CREATE TRIGGER no_text BEFORE UPDATE OF content ON messages WHEN instr(new.content, '<2.') BEGIN"
		" SELECT RAISE(ABORT, 'no'); END");
	start(run);
	stop(run, false);
	assert_string_equal(text_of(run, 2, STATE_FAILED), "");
	assert_true(says(text_of(run, 3, STATE_INTERRUPTED), 3, EVENTS - 1));
	id_format(run->turns[2], id);
	snprintf(path, sizeof path, "%s/%s.events", run->journal, id);
	assert_int_equal(access(path, R_OK), 0);
	run_free(run);
}

/* The database cannot be written for a while; then stopped in the middle; the next start does what is left. */
static void test_again(void **state)
{
	struct run *run = run_new(*state);

	fault_set("db_commit:ENOSPC:1,db_write:ENOSPC:3");
	start(run);
	stop(run, false);
	for (int i = 0; i < TURNS; i++)
		assert_true(says(text_of(run, i, STATE_INTERRUPTED), i, EVENTS - 1));
	run_free(run);

	run = run_new(*state);
	fault_set("db_write:ENOSPC");
	start(run);
	stop(run, true);
	text_of(run, 0, STATE_RUNNING);
	fault_set(NULL);
	start(run);
	stop(run, false);
	for (int i = 0; i < TURNS; i++)
		assert_true(says(text_of(run, i, STATE_INTERRUPTED), i, EVENTS - 1));
	run_free(run);
}

/* Where the database has lost something the journal of until then stays, also when the start that found it came to no end. */
static void test_journal_is_kept(void **state)
{
	for (int older = 0; older < 2; older++) {
		struct run *run = run_new(*state);
		char path[PATH_BYTES], damaged[PATH_BYTES + 10];
		struct stat st;

		segment_path(run->journal, 1, path);
		snprintf(damaged, sizeof damaged, "%s.damaged", path);
		assert_int_equal(stat(path, &st), 0);
		run->keeps_until_s = st.st_mtime - older;
		start(run);
		stop(run, false);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access(damaged, F_OK), older ? -1 : 0);
		run_free(run);
	}
}

static void wait_told(struct run *run, unsigned n)
{
	while (__atomic_load_n(&run->told, __ATOMIC_SEQ_CST) < n)
		usleep(1000);
}

/* Nobody heard whether a question was stored: where it was, it is ended without a restart, and others can be asked; where it
 * was not, nothing is. */
static void test_unsure(void **state)
{
	struct run *run = run_new(*state);
	struct fixture *f = run->f;
	struct turn_begin in = {.user_id = f->bob, .content = "Hi", .model = "small", .title = "t"};
	struct turn_begun begun[2] = {{.turn_id = 12345}}, none;
	struct message m;

	start(run);
	wait_told(run, TURNS);
	in.conversation_id = add_conversation(f, f->bob, "t");
	fault_set("db_heard:EIO:1");
	assert_int_equal(turns_begin(f->db, &in, &begun[1], &f->e), E_UNSURE);
	err_clear(&f->e);
	assert_int_equal(turns_begin(f->db, &in, &none, &f->e), E_CONFLICT);
	err_clear(&f->e);
	fault_set("db_write:ENOSPC:1");
	unsure_settle(&run->all, begun, 2);
	wait_told(run, TURNS + 1);
	FINE(f, messages_get(f->c, f->bob, begun[1].message_id, &f->a, &m, &f->e));
	assert_string_equal(m.state, STATE_INTERRUPTED);
	assert_non_null(strstr(m.error_text, "was not asked"));
	assert_string_equal(m.content, "");
	FINE(f, turns_begin(f->db, &in, &begun[0], &f->e));
	unsure_settle(&run->all, begun, 1);
	wait_told(run, TURNS + 2);
	stop(run, false);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_come_back),
		TEST(test_damage),
		TEST(test_file_twice),
		TEST(test_another_order),
		TEST(test_refused_figures),
		TEST(test_set_aside),
		TEST(test_again),
		TEST(test_journal_is_kept),
		TEST(test_unsure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
