/*
 * describe.h - the words in which the gateway's routes are written, and what the OpenAPI document says of the bodies that
 * programs of other makers send: only what all need.
 */
#pragma once

/* clang-format off */
#define GW_NAME         "{\"type\":\"string\",\"minLength\":1}"
#define GW_TEXT         "{\"type\":\"string\"}"
#define GW_MAYBE_TEXT   "{\"type\":[\"string\",\"null\"]}"
#define GW_LIST(n, of)  "{\"type\":\"array\",\"minItems\":" n ",\"items\":" of "}"
#define GW_ANY_OF(...)  "{\"anyOf\":[" __VA_ARGS__ "]}"
#define GW_WORD_OF(...) "{\"enum\":[" __VA_ARGS__ "]}"
#define GW_OBJECT(members, must) \
	"{\"type\":\"object\",\"properties\":{" members "},\"required\":[" must "]}"

/* `more` and `must` begin with a comma, or are empty. */
#define GW_BODY(members, must) \
	"{\"type\":\"object\",\"description\":\"As the interface that is imitated has it.\"," \
	"\"properties\":{" members "},\"required\":[" must "]}"
#define GW_MODEL_AND(more, must) GW_BODY("\"model\":" GW_NAME more, "\"model\"" must)
#define GW_MODEL_BODY GW_MODEL_AND("", "")
#define GW_COPY_BODY  GW_BODY("\"source\":" GW_NAME ",\"destination\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9][A-Za-z0-9._:/-]*$\"}", "\"source\",\"destination\"")

/* What a list of parts may have in it is not the same for all providers. */
#define GW_PARTS "{\"type\":\"array\",\"description\":\"Parts, as the interface that is imitated has them.\"}"

/* OpenAI: results of tools may be any value. */
#define GW_CHAT_MESSAGE \
	GW_ANY_OF( \
		GW_OBJECT("\"role\":" GW_WORD_OF("\"system\",\"developer\",\"user\",\"assistant\"") ",\"content\":" \
			GW_ANY_OF(GW_MAYBE_TEXT "," GW_PARTS), "\"role\"") "," \
		GW_OBJECT("\"role\":" GW_WORD_OF("\"tool\",\"function\""), "\"role\""))
#define GW_CHAT_BODY GW_MODEL_AND(",\"messages\":" GW_LIST("1", GW_CHAT_MESSAGE), ",\"messages\"")
#define GW_COMPLETION_BODY \
	GW_MODEL_AND(",\"prompt\":" GW_ANY_OF(GW_TEXT ",{\"type\":\"array\",\"minItems\":1,\"maxItems\":1,\"items\":" GW_TEXT "}"), \
		",\"prompt\"")
#define GW_EMBEDDINGS_BODY GW_MODEL_AND(",\"input\":" GW_ANY_OF(GW_TEXT "," GW_LIST("1", GW_TEXT)), ",\"input\"")
#define GW_RESPONSES_BODY \
	GW_MODEL_AND(",\"input\":" GW_ANY_OF(GW_TEXT "," GW_LIST("1", "{\"description\":\"An item of the conversation.\"}")), \
		",\"input\"")

/* Anthropic */
#define GW_ANTHROPIC_MESSAGE \
	GW_OBJECT("\"role\":" GW_WORD_OF("\"user\",\"assistant\",\"system\"") ",\"content\":" \
		GW_ANY_OF(GW_TEXT "," GW_PARTS), "\"role\",\"content\"")
#define GW_COUNT_BODY GW_MODEL_AND(",\"messages\":" GW_LIST("1", GW_ANTHROPIC_MESSAGE), ",\"messages\"")
#define GW_MESSAGES_BODY \
	GW_MODEL_AND(",\"max_tokens\":" GW_ANY_OF("{\"type\":\"number\",\"minimum\":0},{\"const\":-1}") \
		",\"messages\":" GW_LIST("1", GW_ANTHROPIC_MESSAGE), ",\"max_tokens\",\"messages\"")

/* Ollama: a call that asks for nothing loads the model. */
#define GW_STREAM ",\"stream\":{\"type\":[\"boolean\",\"null\"]}"
#define GW_OLLAMA_MESSAGE \
	GW_OBJECT("\"role\":" GW_WORD_OF("\"system\",\"developer\",\"user\",\"assistant\",\"tool\"") \
		",\"content\":" GW_MAYBE_TEXT, "\"role\"")
#define GW_OLLAMA_CHAT_BODY \
	GW_MODEL_AND(",\"messages\":{\"type\":[\"array\",\"null\"],\"items\":" GW_OLLAMA_MESSAGE "}" GW_STREAM, "")
#define GW_OLLAMA_GENERATE_BODY \
	GW_MODEL_AND(",\"prompt\":" GW_MAYBE_TEXT ",\"system\":" GW_MAYBE_TEXT ",\"suffix\":" GW_MAYBE_TEXT GW_STREAM, "")
#define GW_OLLAMA_EMBED_BODY \
	GW_MODEL_AND(",\"input\":{\"type\":[\"string\",\"array\",\"null\"],\"items\":" GW_TEXT "}", "")
#define GW_OLLAMA_EMBEDDINGS_BODY \
	GW_MODEL_AND(",\"prompt\":{\"type\":[\"string\",\"array\",\"null\"],\"items\":" GW_TEXT ",\"maxItems\":1}", "")
#define GW_PULL_BODY GW_MODEL_AND(GW_STREAM, "")
/* clang-format on */

/* Of a row of the routes: whose interface it is. */
#define OPENAI      .status = 200, .media = "application/json", .shape = SHAPE_OPENAI
#define ANTHROPIC   .status = 200, .media = "application/json", .shape = SHAPE_ANTHROPIC
#define OLLAMA      .status = 200, .media = "application/json", .shape = SHAPE_OLLAMA
#define OLLAMA_BARE .status = 200, .shape = SHAPE_OLLAMA /* without a body */
#define EVENTS      .media_stream = "text/event-stream"
#define LINES       .media_stream = "application/x-ndjson"
