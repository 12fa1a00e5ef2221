/* mail.c - messages and mailboxes by GMime: headers that say who, when and what; plain text rather than HTML; attachments. */
#include <stdio.h>
#include <strings.h>

#include "base/utf8.h"
#include "rag/formats/format.h"

#include <gmime/gmime.h> /* it defines MIN and MAX anew */

#define MESSAGES_MAX 20000 /* as doc_bound() says */
#define PARTS_MAX    1000  /* likewise */
#define DEPTH_MAX    10
#define SAMPLE       ((size_t)64 << 10)

struct mail {
	struct doc *d;
	int parts, messages;
	struct home { /* the place of the present message */
		enum extract_place_kind kind;
		int number;
		const char *subject; /* the parser's */
	} home;
	bool away; /* what was written last was attached to it */
};

struct flow { /* whether lines go on in the next one, and lose the blank that says so */
	bool on, delete_blanks;
};

static void put_header(struct doc *d, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	doc_str(d, name);
	doc_flow(d, value, strlen(value));
	doc_text(d, "\n", 1);
}

static void put_headers(struct doc *d, GMimeMessage *m)
{
	GDateTime *date = g_mime_message_get_date(m);
	char *when = date ? g_date_time_format(date, "%Y-%m-%d %H:%M %z") : NULL;
	char *from = internet_address_list_to_string(g_mime_message_get_from(m), NULL, FALSE);
	char *to = internet_address_list_to_string(g_mime_message_get_to(m), NULL, FALSE);
	const char *subject = g_mime_message_get_subject(m);

	if (subject && *subject)
		doc_block(d, EXTRACT_HEADING, 1, subject, strlen(subject));
	doc_begin(d, EXTRACT_PARA, 0);
	put_header(d, "From: ", from);
	put_header(d, "To: ", to);
	put_header(d, "Date: ", when);
	doc_end(d);
	g_free(when);
	g_free(from);
	g_free(to);
}

static GByteArray *part_bytes(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *mem = g_mime_stream_mem_new();
	GByteArray *bytes = g_byte_array_new();

	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(mem), FALSE);
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(mem), bytes);
	if (content)
		(void)g_mime_data_wrapper_write_to_stream(content, mem);
	g_object_unref(mem);
	return bytes;
}

/* A line that goes on in the next one, where the mail says that it does so: it ends with a blank. The mark of a signature ends with one,
 * too. */
static bool goes_on(const char *p, size_t n)
{
	return n > 0 && p[n - 1] == ' ' && !(n == 3 && memcmp(p, "-- ", 3) == 0);
}

/* What others had written stands apart. */
static void put_text(struct doc *d, const char *p, size_t n, const struct flow *flow)
{
	bool quoted = false;

	for (size_t at = 0; at < n && !doc_failed(d);) {
		const char *nl = memchr(p + at, '\n', n - at);
		size_t end = nl ? (size_t)(nl - p) : n, len = end - at;

		len -= len > 0 && p[at + len - 1] == '\r';
		if (len == 0 || (p[at] == '>') != quoted)
			doc_end(d);
		quoted = len > 0 && p[at] == '>';
		if (len > 0 && !d->open)
			doc_begin(d, quoted ? EXTRACT_QUOTE : EXTRACT_PARA, quoted);
		if (len > 0) {
			bool joined = flow->on && goes_on(p + at, len);
			size_t stuffed = flow->on && p[at] == ' ';
			doc_text(d, p + at + stuffed, len - stuffed - (joined && flow->delete_blanks));
			doc_str(d, joined ? "" : "\n");
		}
		at = end + 1;
	}
	doc_end(d);
}

/* RFC 3676. */
static struct flow flow_of(GMimeContentType *type)
{
	const char *format = g_mime_content_type_get_parameter(type, "format"),
		   *deleted = g_mime_content_type_get_parameter(type, "delsp");

	return (struct flow){format && strcasecmp(format, "flowed") == 0, deleted && strcasecmp(deleted, "yes") == 0};
}

static void begin_message(struct mail *m)
{
	memcpy(m->d->within, m->d->outer, sizeof(m->d->within));
	doc_place(m->d, m->home.kind, m->home.number, m->home.subject ? m->home.subject : "", 0, 0);
	m->away = false;
}

/* What a message goes on with behind what is attached to it is its own again. */
static void come_back(struct mail *m)
{
	if (m->away)
		begin_message(m);
}

static void read_part_of(struct mail *m, GMimeObject *object, int depth);

static void put_part(struct mail *m, GMimePart *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	const char *name = g_mime_part_get_filename(part),
		   *charset = g_mime_content_type_get_parameter(type, "charset");
	bool plain = g_mime_content_type_is_type(type, "text", "plain"),
	     html = g_mime_content_type_is_type(type, "text", "html");
	GByteArray *bytes = part_bytes(part);
	struct input in = {
		.p = (const char *)bytes->data, .n = bytes->len, .name = name ? name : "", .charset = charset};

	if (in.n > 0 && (name || (!plain && !html))) {
		doc_place(m->d, EXTRACT_FILE, m->parts, in.name, 0, 0);
		read_part(m->d, &in);
		m->away = true;
	} else if (in.n > 0 && html) {
		come_back(m);
		m->d->depth++;
		read_html(m->d, &in);
		m->d->depth--;
	} else if (in.n > 0) {
		CLEANUP(buf_done) struct buf text;
		struct flow flow = flow_of(type);

		come_back(m);
		m->d->depth++;
		if (text_decode(m->d, &in, &text))
			put_text(m->d, text.p ? text.p : "", text.n, &flow);
		m->d->depth--;
	}
	g_byte_array_unref(bytes);
}

/* Of alternatives the plain one; else the last that is known. */
static void read_multipart(struct mail *m, GMimeMultipart *all, int depth)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(all));
	int n = g_mime_multipart_get_count(all), only = -1;

	if (g_mime_content_type_is_type(type, "multipart", "alternative")) {
		for (int i = n - 1; i >= 0; i--) {
			GMimeContentType *t = g_mime_object_get_content_type(g_mime_multipart_get_part(all, i));

			if (only < 0 || g_mime_content_type_is_type(t, "text", "plain"))
				only = i;
		}
	}
	for (int i = 0; i < n; i++) {
		if (only < 0 || i == only)
			read_part_of(m, g_mime_multipart_get_part(all, i), depth + 1);
	}
}

static void read_part_of(struct mail *m, GMimeObject *object, int depth)
{
	if (!object || doc_failed(m->d))
		return;
	if (depth > DEPTH_MAX || m->parts++ > PARTS_MAX) {
		doc_bound(m->d, depth > DEPTH_MAX ? DOC_DEPTH : DOC_PARTS);
		return;
	}
	if (GMIME_IS_MULTIPART(object)) {
		read_multipart(m, GMIME_MULTIPART(object), depth);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

		if (inner) {
			struct home outer = m->home;
			m->home = (struct home){EXTRACT_FILE, m->parts, g_mime_message_get_subject(inner)};
			begin_message(m);
			put_headers(m->d, inner);
			read_part_of(m, g_mime_message_get_mime_part(inner), depth + 1);
			m->home = outer;
			m->away = true;
		}
	} else if (GMIME_IS_PART(object)) {
		put_part(m, GMIME_PART(object));
	}
}

static bool is_mbox(const struct input *in)
{
	return in->n > 5 && memcmp(in->p, "From ", 5) == 0;
}

/* Headers are to say in which charset they are; some that do not are in that of the rest. */
static GMimeParserOptions *options_for(const struct input *in)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(4 * SAMPLE);
	GMimeParserOptions *o = g_mime_parser_options_new();
	size_t n = MIN(in->n, SAMPLE);
	const char *name = NULL;
	bool sure = false;

	if (!utf8_valid(in->p, utf8_whole(in->p, n)) && charset_decode(in->p, n, NULL, NULL, &text, &name, &sure) &&
		sure) {
		const char *charsets[] = {"utf-8", name, "windows-1252", NULL};
		g_mime_parser_options_set_fallback_charsets(o, charsets);
	}
	return o;
}

void read_mail(struct doc *d, const struct input *in)
{
	struct mail m = {.d = d};

	g_mime_init();
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(in->p, in->n);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeParserOptions *options = options_for(in);
	doc_format(d, is_mbox(in) ? "mbox" : "eml", NULL);
	g_mime_parser_set_format(parser, is_mbox(in) ? GMIME_FORMAT_MBOX : GMIME_FORMAT_MESSAGE);
	do {
		GMimeMessage *message = g_mime_parser_construct_message(parser, options);

		if (!message)
			break;
		m.parts = 0;
		m.home = (struct home){EXTRACT_MESSAGE, ++m.messages, g_mime_message_get_subject(message)};
		begin_message(&m);
		put_headers(d, message);
		read_part_of(&m, g_mime_message_get_mime_part(message), 0);
		g_object_unref(message);
	} while (is_mbox(in) && m.messages < MESSAGES_MAX && !doc_failed(d) && !g_mime_parser_eos(parser));
	if (is_mbox(in) && m.messages == MESSAGES_MAX && !g_mime_parser_eos(parser))
		doc_bound(d, DOC_MESSAGES);
	g_mime_parser_options_free(options);
	g_object_unref(parser);
	g_object_unref(stream);
}

static size_t first_line(const struct input *in)
{
	const char *nl = memchr(in->p, '\n', in->n);

	return nl ? (size_t)(nl - in->p) + 1 : in->n;
}

/* Two of the headers that every message has, in lines that are headers. */
bool is_mail(const struct input *in)
{
	static const char *const names[] = {
		"From:", "Date:", "Message-ID:", "MIME-Version:", "Subject:", "Received:", "Return-Path:"};
	size_t found = 0, at = is_mbox(in) ? first_line(in) : 0;

	for (int line = 0; line < 60 && at < in->n; line++) {
		const char *nl = memchr(in->p + at, '\n', in->n - at);
		size_t end = nl ? (size_t)(nl - in->p) : in->n;

		if (end - at <= 1)
			break;
		bool goes_on = in->p[at] == ' ' || in->p[at] == '\t';
		if (!goes_on && !memchr(in->p + at, ':', end - at))
			return false;
		for (size_t i = 0; i < N_ELEMENTS(names); i++)
			found +=
				end - at > strlen(names[i]) && strncasecmp(in->p + at, names[i], strlen(names[i])) == 0;
		at = end + 1;
	}
	return found >= 2;
}
