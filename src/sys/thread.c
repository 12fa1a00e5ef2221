/*
 * thread.c - how threads are born, and who of them lets whom go first (decision 041). Three means, since none is enough: the kernel is told
 * classes, nice and lengths of turns (counted under first.mx, or by the thread itself); long work has places (a semaphore); and who works
 * behind others pauses by itself while answers are on their way, which are told by one atomic time.
 */
#include "sys/thread.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/loop.h"

/* Since Linux 6.16 each process has a table of its own for what its threads sleep on (prctl(2), PR_FUTEX_HASH), by
 * default of a few slots for each processor: with a thousand sleepers a slot, each waking goes through a long list. */
#ifndef PR_FUTEX_HASH
#define PR_FUTEX_HASH           78
#define PR_FUTEX_HASH_SET_SLOTS 1
#endif
#define FUTEX_SLOTS 4096 /* of 64 bytes */

void threads_expect_many(void)
{
	(void)prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, FUTEX_SLOTS, 0, 0);
}

#define OWN_FRAME 512

/* The lowest address of the thread's stack; NULL: not to be touched (the main thread's grows). */
static char *stack_end(void)
{
	static _Thread_local char *low;
	pthread_attr_t attr;
	void *at = NULL;
	size_t size = 0;

	if (low || getpid() == gettid() || pthread_getattr_np(pthread_self(), &attr) != 0)
		return low;
	if (pthread_attr_getstack(&attr, &at, &size) == 0)
		low = at;
	pthread_attr_destroy(&attr);
	return low;
}

void thread_release_stack(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), low = (uintptr_t)stack_end();
	/* What is left below this frame is for the call that is made from here. */
	uintptr_t top = ((uintptr_t)__builtin_frame_address(0) - OWN_FRAME) & ~(page - 1);

	low = (low + page - 1) & ~(page - 1);
	if (low != 0 && low < top)
		(void)madvise((void *)low, top - low, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
}

/* ---- who runs when many want to ---- */

#define FIRST_BY      10
#define FIRST_TURN_NS 100000  /* of the loop while there is long work */
#define SOON_TURN_NS  1000000 /* of who answers while others work behind: less than the kernel gives by itself, */
#define BACK_TURN_NS  4000000 /* and of those, more than that */

/* What sched_setattr(2) takes; the C library knows it since 2.41. */
struct sched_attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* How long the turns of a thread are, which is known since Linux 6.12 and nobody needs a right for: who wakes to a short one does not
 * wait for the end of another's long one. */
static void set_turns(pid_t tid, uint32_t policy, uint64_t flags, uint64_t ns)
{
	struct sched_attributes a = {.size = sizeof(a), .policy = policy, .flags = flags, .runtime_ns = ns};

	a.nice = getpriority(PRIO_PROCESS, (id_t)tid);
	(void)syscall(SYS_sched_setattr, tid, &a, 0);
}

static struct {
	pthread_mutex_t mx;
	pid_t loop;    /* 0: there is none */
	int nice;      /* of it, as it was born */
	bool no_right; /* to a class of real time */
	unsigned works;
} first = {.mx = PTHREAD_MUTEX_INITIALIZER};

void thread_loop_begin(void)
{
	/* Who gave us another class knows better; and what the loop starts while it goes first must be as all others are. */
	if ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) != SCHED_OTHER ||
		sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &(struct sched_param){0}) < 0)
		return;
	pthread_mutex_lock(&first.mx);
	first.loop = gettid();
	first.no_right = false;
	first.nice = getpriority(PRIO_PROCESS, 0);
	pthread_mutex_unlock(&first.mx);
}

void thread_loop_end(void)
{
	pthread_mutex_lock(&first.mx);
	first.loop = 0;
	pthread_mutex_unlock(&first.mx);
}

/* In a class of real time, where that is allowed: to wake is to run. Else with a better place by `nice`, where that is, and short turns,
 * by which a loop that has just run may wait for the kernel's next tick still. */
static void go_first(bool yes)
{
	int class = (yes ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK;

	if (!first.no_right &&
		sched_setscheduler(first.loop, class, &(struct sched_param){.sched_priority = yes ? 1 : 0}) == 0)
		return;
	first.no_right = true;
	(void)setpriority(PRIO_PROCESS, (id_t)first.loop, yes ? first.nice - FIRST_BY : first.nice);
	set_turns(first.loop, SCHED_OTHER, 1 /* SCHED_FLAG_RESET_ON_FORK */, yes ? FIRST_TURN_NS : 0);
}

static void count_works(int by)
{
	pthread_mutex_lock(&first.mx);
	ASSERT(by > 0 || first.works > 0);
	bool some = first.works > 0;
	first.works = by > 0 ? first.works + 1 : first.works - 1;
	if (first.loop && some != (first.works > 0))
		go_first(!some);
	pthread_mutex_unlock(&first.mx);
}

void thread_long_begin(void)
{
	count_works(1);
}

void thread_long_end(void)
{
	count_works(-1);
}

#define BACK_BY 10

#define QUIET_US 1000 /* behind a step of an answer: the next one has come by then, unless the answer has to wait */
#define PAUSE_US 5000 /* how long others may take at a time, */
#define WORK_US  2000 /* and what is worked when they want longer */

static _Thread_local bool stepped_back, wakes_soon, aside;
static _Thread_local int64_t went_on_us; /* when a pause was longer than others may take */
static unsigned behind;                  /* who works behind others; atomic */
static int64_t answered_us, asked_ms;    /* monotonic; atomic */

void thread_step_back(void)
{
	if (stepped_back)
		return;
	(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, (id_t)getpid()) + BACK_BY);
	set_turns(0, SCHED_BATCH, 0, BACK_TURN_NS);
	stepped_back = true;
}

void thread_behind_begin(void)
{
	__atomic_fetch_add(&behind, 1, __ATOMIC_RELAXED);
	thread_long_begin();
}

void thread_behind_end(void)
{
	thread_long_end();
	ASSERT(__atomic_load_n(&behind, __ATOMIC_RELAXED) > 0);
	__atomic_fetch_sub(&behind, 1, __ATOMIC_RELAXED);
}

void thread_wake_soon(void)
{
	bool soon = __atomic_load_n(&behind, __ATOMIC_RELAXED) > 0;

	if (soon == wakes_soon || stepped_back)
		return;
	wakes_soon = soon;
	set_turns(0, soon ? SCHED_OTHER : SCHED_BATCH, 1 /* SCHED_FLAG_RESET_ON_FORK */, soon ? SOON_TURN_NS : 0);
}

bool thread_stepped_back(void)
{
	return stepped_back || aside;
}

void thread_aside_begin(void)
{
	ASSERT(!aside);
	__atomic_fetch_add(&behind, 1, __ATOMIC_RELAXED);
	aside = true;
}

void thread_aside_end(void)
{
	ASSERT(aside && __atomic_load_n(&behind, __ATOMIC_RELAXED) > 0);
	__atomic_fetch_sub(&behind, 1, __ATOMIC_RELAXED);
	aside = false;
}

void thread_answers(void)
{
	if (__atomic_load_n(&behind, __ATOMIC_RELAXED) > 0)
		__atomic_store_n(&answered_us, clock_mono_us(), __ATOMIC_RELAXED);
}

void thread_asked(void)
{
	__atomic_store_n(&asked_ms, clock_mono_ms(), __ATOMIC_RELAXED);
	thread_answers();
}

int64_t thread_asked_ms(void)
{
	return __atomic_load_n(&asked_ms, __ATOMIC_RELAXED);
}

int64_t thread_answered_ms(void)
{
	return __atomic_load_n(&answered_us, __ATOMIC_RELAXED) / 1000;
}

void thread_give_way(void)
{
	if (!stepped_back && !aside)
		return;
	int64_t begun = clock_mono_us(), now = begun, quiet;

	ASSERT(thread_may_wait());
	if (went_on_us && now - went_on_us < WORK_US)
		return;
	while ((quiet = __atomic_load_n(&answered_us, __ATOMIC_RELAXED) + QUIET_US) > now) {
		if (now - begun >= PAUSE_US) {
			went_on_us = now;
			return;
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = (quiet - now) * 1000}, NULL);
		now = clock_mono_us();
	}
}

unsigned thread_processors(void)
{
	cpu_set_t cpus;
	int n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;

	return (unsigned)MAX(n, 1);
}

static sem_t work_places;

static void count_places(void)
{
	sem_init(&work_places, 0, thread_processors());
}

void thread_work_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	ASSERT(thread_may_wait());
	pthread_once(&once, count_places);
	while (sem_wait(&work_places) != 0)
		;
	thread_long_begin();
}

void thread_work_end(void)
{
	thread_long_end();
	sem_post(&work_places);
}

int thread_start(pthread_t *ret, const char *name, size_t stack_bytes, void *(*fn)(void *), void *arg)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	pthread_attr_t attr;
	sigset_t all, before;
	int r = 0;

	ASSERT(fn && name && strlen(name) < 16); /* what the kernel keeps of it */
	pthread_attr_init(&attr);
	if (stack_bytes)
		r = pthread_attr_setstacksize(&attr, stack_bytes);
	sigfillset(&all);
	/* What a fault of the thread itself raises is always taken; blocked, the program would end without its final lines. */
	for (size_t i = 0; i < N_ELEMENTS(faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r == 0)
		r = pthread_create(ret, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r != 0)
		return -r;
	pthread_setname_np(*ret, name);
	(void)pthread_setschedparam(*ret, SCHED_BATCH, &(struct sched_param){0});
	return 0;
}

int thread_start_detached(const char *name, void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	int r = thread_start(&thread, name, 0, fn, arg);

	/* A thread that has ended already is still there until somebody joins or detaches it. */
	return r < 0 ? r : -pthread_detach(thread);
}
