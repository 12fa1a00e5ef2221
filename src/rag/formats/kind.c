/* kind.c - which kind a file is, by what is in it; its name only chooses among kinds of text. */
#include <strings.h>

#include "rag/formats/format.h"

static bool starts(const struct input *in, const char *with)
{
	size_t n = strlen(with);

	return in->n >= n && memcmp(in->p, with, n) == 0;
}

static bool has_ending(const struct input *in, const char *const *endings)
{
	char ending[16];

	name_ending(in->name, ending);
	for (; ending[0] && *endings; endings++) {
		if (strcmp(ending, *endings) == 0)
			return true;
	}
	return false;
}

static bool is_pdf(const struct input *in)
{
	return memmem(in->p, MIN(in->n, 1024), "%PDF-", 5) != NULL;
}

static bool is_zip(const struct input *in)
{
	return starts(in, "PK\3\4") || starts(in, "PK\5\6");
}

static bool is_ole(const struct input *in)
{
	return starts(in, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
}

static bool is_picture(const struct input *in)
{
	return starts(in, "\x89PNG\r\n\x1a\n") || starts(in, "\xff\xd8\xff") || starts(in, "GIF8") ||
	       (in->n > 4 && memcmp(in->p, "II*\0", 4) == 0) ||
	       (starts(in, "RIFF") && in->n > 12 && memcmp(in->p + 8, "WEBP", 4) == 0) ||
	       (in->n > 4 && memcmp(in->p, "MM\0*", 4) == 0);
}

static bool is_markdown(const struct input *in)
{
	return has_ending(in, (const char *const[]){"md", "markdown", "mkd", "mdown", "mdx", "rmd", "qmd", NULL});
}

/* Behind blanks, comments and an XML declaration. */
static bool is_html(const struct input *in)
{
	size_t at = 0, n = MIN(in->n, 4096);

	if (starts(in, "\xEF\xBB\xBF"))
		at = 3;
	while (at < n) {
		const char *p = in->p + at, *end = NULL;
		size_t rest = n - at;

		if (strchr(" \t\r\n", *p) && *p) {
			at++;
			continue;
		}
		if (rest >= 14 && strncasecmp(p, "<!doctype html", 14) == 0)
			return true;
		if (rest >= 5 && strncasecmp(p, "<html", 5) == 0)
			return true;
		if (rest >= 4 && memcmp(p, "<!--", 4) == 0)
			end = memmem(p, rest, "-->", 3);
		else if (rest >= 5 && memcmp(p, "<?xml", 5) == 0)
			end = memchr(p, '>', rest);
		if (!end)
			break;
		at = (size_t)(end - in->p) + (*end == '>' ? 1 : 3);
	}
	return has_ending(in, (const char *const[]){"html", "htm", "xhtml", NULL});
}

static bool is_rtf(const struct input *in)
{
	return starts(in, "{\\rtf");
}

static bool is_csv(const struct input *in)
{
	return has_ending(in, (const char *const[]){"csv", "tsv", "tab", NULL}) || starts(in, "sep=");
}

/* What is called so begins with an element, or a comment. */
static bool is_named_xml(const struct input *in)
{
	size_t at = starts(in, "\xEF\xBB\xBF") ? 3 : 0;

	while (at < in->n && in->p[at] && strchr(" \t\r\n", in->p[at]))
		at++;
	if (at + 1 >= in->n || in->p[at] != '<')
		return false;
	return (in->n - at > 4 && memcmp(in->p + at, "<svg", 4) == 0) ||
	       has_ending(in, (const char *const[]){"xml", "svg", "rss", "atom", "xsd", "xsl", "xslt", "wsdl", "kml",
				      "gpx", "opml", "plist", "dbk", "dita", "tei", "fodt", "fods", "fodp", "resx",
				      "xliff", "xlf", NULL});
}

static bool is_xml(const struct input *in)
{
	return starts(in, "<?xml") || starts(in, "\xEF\xBB\xBF<?xml") || is_named_xml(in) ||
	       (in->n > 12 &&
		       (memcmp(in->p, "\xFF\xFE<\0?\0x\0", 8) == 0 || memcmp(in->p, "\xFE\xFF\0<\0?\0x", 8) == 0));
}

static bool is_latex(const struct input *in)
{
	return has_ending(in, (const char *const[]){"tex", "latex", "ltx", NULL}) ||
	       memmem(in->p, MIN(in->n, 16384), "\\documentclass", 14) != NULL;
}

static bool is_code(const struct input *in)
{
	return has_ending(
		in, (const char *const[]){"c", "h", "cc", "cpp", "cxx", "hpp", "py", "js", "mjs", "ts", "tsx", "jsx",
			    "java", "kt", "go", "rs", "rb", "php", "cs", "swift", "scala", "sh", "bash", "zsh", "ps1",
			    "sql", "r", "pl", "pm", "lua", "jl", "hs", "ml", "ex", "exs", "erl", "clj", "dart", "m",
			    "f90", "vb", "pas", "asm", "s", "css", "scss", "vue", "svelte", "toml", "yaml", "yml",
			    "ini", "cfg", "conf", "cmake", "mk", "gradle", "tf", "proto", "graphql", NULL});
}

/* Asked from the first to the last, and the first that says yes reads it: what is known by its bytes stands before what is known by its
 * name. What is not plain is never touched outside of the walls. */
static const struct kind {
	bool (*is)(const struct input *in);
	void (*read)(struct doc *d, const struct input *in);
	bool plain; /* read without walls, too: only our own few lines touch it */
} kinds[] = {
	{is_pdf, read_pdf, false},
	{is_zip, read_zip, false},
	{is_ole, read_ole, true},
	{is_picture, read_picture, false},
	{is_rtf, read_rtf, true},
	{is_mail, read_mail, false},
	{is_html, read_html, true},
	{is_xml, read_xml, false},
	{is_markdown, read_markdown, true},
	{is_csv, read_csv, true},
	{is_latex, read_latex, true},
	{is_code, read_code, true},
	{is_json, read_json, true},
};

void read_any(struct doc *d, const struct input *in)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		if (!kinds[i].is(in))
			continue;
		if (!d->walls && !kinds[i].plain)
			doc_fail(d, EXTRACT_UNAVAILABLE,
				"Files of this kind are only read in a sandbox, which this server cannot make. Ask its "
				"administrator.");
		else
			kinds[i].read(d, in);
		return;
	}
	read_text(d, in);
}
