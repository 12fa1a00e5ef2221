/* no_assets.c - what stands in for the web page and the manual in a build without them. */
#include "api/assets.h"
#include "api/manual_sources.h"

static const unsigned char page[] =
	"<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Atelier</title></head>\n"
	"<body><h1>Atelier</h1>\n<p>This program was built without its web page. Its interface is there: "
	"<a href=\"/api/v1/openapi.json\">OpenAPI</a>.</p></body>\n</html>\n";

const struct asset assets[] = {
	{.path = "/index.html",
		.type = "text/html; charset=utf-8",
		.etag = "\"plain-1\"",
		.plain = page,
		.n_plain = sizeof(page) - 1},
};
const size_t n_assets = 1;

const struct manual_source manual_sources[] = {{0}};
const size_t n_manual_sources = 0;
const char *const manual_version = "none";
