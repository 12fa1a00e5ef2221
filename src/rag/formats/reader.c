/*
 * reader.c - the program that reads foreign bytes, and the only one linked with the libraries that do. It lives in the server's
 * file as data, and is run from memory by the sandbox alone, as `confine`.
 */
#include "rag/formats/format.h"
#include "sys/sandbox.h"

static int command(int argc, char **argv)
{
	return strcmp(argv[0], "extract") == 0 ? extract_main(argc, argv) : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "confine") == 0)
		sandbox_confine(argc - 2, argv + 2, command);
	return EXIT_FAILURE;
}
