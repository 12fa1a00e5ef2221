/* cli_user.c - `atelier user add NAME --role admin|user`: the password is asked for, or read from standard input. */
#include <errno.h>
#include <stdio.h>
#include <termios.h>

#include "program.h"
#include "store/store.h"

/* One line without its end; NULL at the end of the input. Shown as it is typed only where nobody sits. */
static char *read_secret(const char *prompt)
{
	struct termios shown, hidden;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (terminal) {
		fputs(prompt, stderr);
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	}
	n = getline(&line, &cap, stdin);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fputc('\n', stderr);
	}
	if (n < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static int read_password(char **ret, struct err *e)
{
	CLEANUP(freep) char *first = read_secret("Password: ");

	if (!first)
		return err_set(e, E_INVALID, "No password came on standard input.");
	if (isatty(STDIN_FILENO)) {
		CLEANUP(freep) char *again = read_secret("Once more: ");
		if (!again || strcmp(first, again) != 0)
			return err_set(e, E_INVALID, "The two passwords differ.");
	}
	*ret = TAKE_PTR(first);
	return 0;
}

static int add(const struct settings *s, const char *name, const char *role, struct err *e)
{
	CLEANUP(freep) char *password = NULL;
	struct db *db = NULL;
	atelier_id id;
	int r = read_password(&password, e);

	if (r == 0)
		r = folder_make(s->data, e);
	if (r == 0)
		r = database_check(s, e);
	if (r < 0)
		return r;
	/* Also while the server runs: the database takes more than one program. */
	r = database_connect(s, &(struct db_config){.readers = 1}, &db, e);
	if (r == 0)
		report_lost(db);
	if (r == 0)
		r = auth_create_user(db, name, password, role, &id, e);
	db_close(db);
	return r;
}

int cmd_user(struct cli *c)
{
	const char *role = c->role ? c->role : ROLE_USER;
	struct err e = {0};

	if (c->argc != 2 || strcmp(c->argv[0], "add") != 0)
		return usage_error("It goes: atelier user add NAME --role admin|user.");
	if (strcmp(role, ROLE_ADMIN) != 0 && strcmp(role, ROLE_USER) != 0)
		return usage_error("A role is admin or user, not \"%s\".", role);
	if (add(&c->settings, c->argv[1], role, &e) < 0)
		return report(&e);
	printf("Made the %s ", strcmp(role, ROLE_ADMIN) == 0 ? "administrator" : "user");
	print_line(stdout, c->argv[1]);
	puts(".");
	return EXIT_SUCCESS;
}
