/*
 * fuzz_openapi.c - any text as a document that describes an interface: what is made of it are tools that can be offered, each with
 * a name of its own and a schema of bounded size.
 */
#include <stdint.h>

#include "tool/openapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entries(const json_t *entries)
{
	json_t *names = json_object();
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		const char *name = json_get_str(entry, "name");
		if (!name || !*name || strlen(name) > 64 ||
			strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_-") != strlen(name))
			abort();
		if (json_object_get(names, name))
			abort();
		json_object_set_new(names, name, json_true());
		if (!json_is_object(json_object_get(json_object_get(entry, "parameters"), "properties")))
			abort();
	}
	json_decref(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct openapi_wish w = {.url = "https://host.example/docs/openapi.json"};
	json_t *doc = NULL, *entries = NULL, *about = NULL;
	struct err e = {0};

	if (openapi_read((const char *)data, size, &doc, &e) < 0) {
		if (!e.msg[0])
			abort(); /* a refusal without a reason */
		return 0;
	}
	if (openapi_entries(doc, &w, 500, &entries, &e) == 0)
		check_entries(entries);
	else if (!e.msg[0])
		abort();
	about = openapi_about(doc, &w);
	if (!json_is_array(json_object_get(about, "operations")))
		abort();
	json_decref(about);
	json_decref(entries);
	json_decref(doc);
	return 0;
}
