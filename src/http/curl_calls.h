/*
 * curl_calls.h - libcurl as it is used here: by its own header, but opened when it is first needed (sys/library.h), never on
 * the loop, which uses it only for calls whose thread has opened it. Where there is a way to fail, http_client_load()
 * comes first.
 */
#pragma once

#include <curl/curl.h>
