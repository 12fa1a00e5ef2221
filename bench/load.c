/* load.c - `load ATELIER NGINX [options]`: measures Atelier beside nginx and the direct path. See README.md. */
#include "load.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void usage(void)
{
	puts("Usage: load ATELIER NGINX [options]     ATELIER may be - (nginx and the direct path alone)\n"
	     "  --quick        fewer and shorter: to see that it works\n"
	     "  --case NAME    only this case: 100x50, 1000x20, 1000x50, 5000x5, long, idle-streams, "
	     "waiting-turns, stalls, first-page, cold-start, requests, gateway, answers\n"
	     "  --reps N       repetitions (3)\n"
	     "  --seconds N    tokens flow so long in a repetition (8)\n"
	     "  --litellm FILE, --portkey FILE   programs for the case gateway: `litellm`, and the script that starts "
	     "it\n"
	     "  --strict       exit with 3 when a bar is missed");
	exit(2);
}

static bool wanted(const struct options *o, const char *name)
{
	return !o->only || !strcmp(o->only, name);
}

static void run_all(const struct options *o)
{
	static const struct {
		const char *name;
		unsigned streams;
		double rate, most;
	} cases[] = {{"100x50", 100, 50, 1.16}, {"1000x20", 1000, 20, 1.22}, {"1000x50", 1000, 50, 1.20},
		{"5000x5", 5000, 5, 1.41}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (wanted(o, cases[i].name))
			case_streams(o, cases[i].name, cases[i].streams, cases[i].rate, cases[i].most);
	}
	if (wanted(o, "long"))
		case_long(o);
	if (wanted(o, "idle-streams"))
		case_idle_streams(o);
	if (wanted(o, "waiting-turns"))
		case_waiting_turns(o);
	if (wanted(o, "stalls"))
		case_stalls(o);
	if (wanted(o, "first-page"))
		case_first_page(o);
	if (wanted(o, "cold-start"))
		case_cold_start(o);
	if (wanted(o, "requests"))
		case_requests(o);
	if (wanted(o, "gateway"))
		case_gateway(o);
	if (o->only && !strcmp(o->only, "answers"))
		case_answers(o); /* they are in `gateway`, too */
}

static struct options read_options(int argc, char **argv, bool *ret_strict)
{
	static const struct option known[] = {{"quick", no_argument, NULL, 'q'}, {"case", required_argument, NULL, 'c'},
		{"reps", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 's'},
		{"strict", no_argument, NULL, 'S'}, {"litellm", required_argument, NULL, 'l'},
		{"portkey", required_argument, NULL, 'p'}, {0}};
	struct options o = {0};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'q')
			o.quick = true;
		else if (c == 'c')
			o.only = optarg;
		else if (c == 'r')
			o.reps = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 's')
			o.seconds = strtod(optarg, NULL);
		else if (c == 'S')
			*ret_strict = true;
		else if (c == 'l')
			relay_program(LITELLM, optarg);
		else if (c == 'p')
			relay_program(PORTKEY, optarg);
		else
			usage();
	}
	o.reps = o.reps ? o.reps : o.quick ? 1 : 3;
	o.seconds = o.seconds > 0 ? o.seconds : o.quick ? 3 : 8;
	if (o.reps > MAX_REPS || argc - optind != 2)
		usage();
	return o;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	bool strict = false;
	struct options o = read_options(argc, argv, &strict);

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < 11000)
		printf("Note: only %llu open files are allowed; 5,000 streams need 11,000.\n",
			(unsigned long long)files.rlim_cur);
	pin_to(false);
	prctl(PR_SET_TIMERSLACK, 1ul); /* tokens leave when they are due */
	relay_program(ATELIER, strcmp(argv[optind], "-") ? argv[optind] : NULL);
	relay_program(NGINX, argv[optind + 1]);
	loop_open();
	provider_open();
	run_all(&o);
	printf("\n%u bars missed, %u checks failed.\n", bars_missed, musts_missed);
	return musts_missed ? 1 : strict && bars_missed ? 3 : 0;
}
