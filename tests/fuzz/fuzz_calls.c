/*
 * fuzz_calls.c - any answer of a model without tools, in pieces of a length that its first byte says: what is called was offered, all that
 * goes out is JSON, and the arguments of a call are read to what fits their schema, or refused with a reason. The second byte chooses
 * how that schema looks.
 */
#include <stdint.h>

#include "base/json.h"
#include "base/utf8.h"
#include "tool/text_calls.h"
#include "tool/tool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gen_tool offered[] = {{.name = "get_weather"}, {.name = "add"}};
#define INTEGER                                                                                                        \
	"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":1},\"town\":{\"type\":"          \
	"\"string\"}},"                                                                                                \
	"\"required\":[\"town\"]}"
#define LISTS                                                                                                          \
	"{\"type\":\"object\",\"properties\":{\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"u\":{"   \
	"\"anyOf\":"                                                                                                   \
	"[{\"type\":\"boolean\"},{\"type\":\"null\"}]},\"o\":{\"properties\":{\"x\":{\"enum\":[1,\"2\"]}}}}}"
#define ROUND "{\"properties\":{\"r\":{\"$ref\":\"#/$defs/r\"}},\"$defs\":{\"r\":{\"$ref\":\"#/$defs/r\"}}}"
static const char *const schemas[] = {"{\"type\":\"object\"}", INTEGER, LISTS, ROUND};

struct seen {
	struct gen_sink sink;
	const char *schema;
};

static void check_arguments(const char *schema, const char *written)
{
	const struct tool t = {
		.name = "t", .parameters = schema, .source = "builtin", .own_name = "t", .description = ""};
	struct tool_arguments got = {.n = 0};
	struct arena a;
	struct err e = {0};

	arena_init(&a, 16 << 20);
	if (tool_arguments_read(&t, str_from(written), &a, &got, &e) == 0) {
		if (got.n == 0 && (!got.problem || !*got.problem))
			abort(); /* a refusal without a reason */
		for (size_t i = 0; i < got.n; i++) {
			json_t *v = NULL;
			if (json_read(got.items[i], strlen(got.items[i]), JSON_MEMORY, JSON_READ_EXACT, &v, &e) < 0 ||
				!json_is_object(v))
				abort();
			json_decref(v);
		}
	}
	arena_done(&a);
}

static int take(struct gen_sink *s, bool on_loop UNUSED, enum event_type type, const char *json, size_t n)
{
	const struct seen *seen = CONTAINER_OF(s, struct seen, sink);
	json_t *v = NULL;
	struct err e = {0};

	if (json_read(json, n, JSON_MEMORY, JSON_READ_MILD, &v, &e) < 0)
		abort();
	const char *name = json_get_str(v, "name"), *arguments = json_get_str(v, "arguments");
	if (type == EV_TOOL_CALL && name && strcmp(name, "get_weather") != 0 && strcmp(name, "add") != 0)
		abort(); /* it was not offered */
	if (type == EV_TOOL_CALL && arguments)
		check_arguments(seen->schema, arguments);
	json_decref(v);
	return 0;
}

static void feed(struct text_calls *x, const char *p, size_t n)
{
	struct buf b = BUF_INIT(n * 6 + 64);

	buf_add_str(&b, "{\"text\":");
	json_add_string(&b, p, n);
	buf_add_char(&b, '}');
	if (x->sink.event(&x->sink, true, EV_TEXT, b.p, b.n) < 0)
		abort();
	buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(8 * size + 64);
	struct text_calls x;

	if (size < 2 || size > 65536)
		return 0;
	struct seen seen = {.sink.event = take, .schema = schemas[data[1] % N_ELEMENTS(schemas)]};
	size_t piece = 1u + data[0];
	utf8_add_repaired(&text, (const char *)data + 2, size - 2);
	text_calls_init(&x, &seen.sink, offered, N_ELEMENTS(offered));
	for (size_t i = 0, k; i < text.n; i += k) {
		k = MIN(piece, text.n - i);
		while (i + k < text.n && ((unsigned char)text.p[i + k] & 0xc0) == 0x80)
			k++;
		feed(&x, text.p + i, k);
	}
	if (text_calls_finish(&x) < 0)
		abort();
	text_calls_done(&x);
	buf_done(&text);
	return 0;
}
