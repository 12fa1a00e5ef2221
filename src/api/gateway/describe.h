/*
 * describe.h - the words in which the gateway's routes are written, and what the OpenAPI document says of the bodies that
 * programs of other makers send: only what all need.
 */
#pragma once

#define GW_NAME       "{\"type\":\"string\",\"minLength\":1}"
#define GW_BODY(rule) "{\"type\":\"object\",\"description\":\"As the interface that is imitated has it.\"," rule "}"
#define GW_MODEL_BODY GW_BODY("\"properties\":{\"model\":" GW_NAME "},\"required\":[\"model\"]")
#define GW_COPY_BODY                                                                                                   \
	GW_BODY("\"properties\":{\"source\":" GW_NAME ",\"destination\":" GW_NAME "},"                                 \
		"\"required\":[\"source\",\"destination\"]")

/* Of a row of the routes: whose interface it is. */
#define OPENAI      .status = 200, .media = "application/json", .shape = SHAPE_OPENAI
#define ANTHROPIC   .status = 200, .media = "application/json", .shape = SHAPE_ANTHROPIC
#define OLLAMA      .status = 200, .media = "application/json", .shape = SHAPE_OLLAMA
#define OLLAMA_BARE .status = 200, .shape = SHAPE_OLLAMA /* without a body */
#define EVENTS      .media_stream = "text/event-stream"
#define LINES       .media_stream = "application/x-ndjson"
