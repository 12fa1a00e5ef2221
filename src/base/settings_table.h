/* settings_table.h - the table of all settings, which settings.h makes everything else of. */
#pragma once

/*
 * kind, name, default, min, max, environment variable, help. The kinds:
 *
 *	STR       a text, min and max in bytes
 *	SECRET    the same, wiped when it is replaced and refused as a flag
 *	URL       an address, http://... or https://...; HOST: a host or host:port is completed to one; both may be empty
 *	NETWORKS  addresses and networks with blanks between
 *	ORIGINS   of pages: scheme, host and perhaps a port, or *, with blanks between
 *	DATABASE  empty, or the address of a PostgreSQL
 *	RIGHTS    of a file, in octal digits
 *	CHOICE    one of the words in place of min, with blanks between
 *	INT       a whole number, min and max inclusive
 *	BOOL      0 or 1
 */
#define SETTINGS_TABLE(X)                                                                                              \
	X(STR, data, "", 0, 4000, "ATELIER_DATA",                                                                      \
		"data folder (default: $XDG_DATA_HOME/atelier or ~/.local/share/atelier)")                             \
	X(DATABASE, database, "", 0, 4000, "ATELIER_DATABASE",                                                         \
		"where all is kept: empty for a file in the data folder (SQLite), or postgresql://user@host/name")     \
	X(STR, listen, "127.0.0.1:8420", 1, 2000, "ATELIER_LISTEN",                                                    \
		"addresses to serve on, with blanks between: host:port, *:port, unix:/path (the flag may be given "    \
		"several times)")                                                                                      \
	X(RIGHTS, unix_mode, "0660", 3, 4, "ATELIER_UNIX_MODE", "rights on a unix socket, octal")                      \
	X(STR, tls_cert, "", 0, 4000, "ATELIER_TLS_CERT",                                                              \
		"file with the certificate and its chain (PEM): serves https; read again on SIGHUP")                   \
	X(STR, tls_key, "", 0, 4000, "ATELIER_TLS_KEY", "file with the key of that certificate (PEM)")                 \
	X(BOOL, core_dumps, 0, 0, 1, "ATELIER_CORE_DUMPS",                                                             \
		"let debuggers and core dumps see the memory, in which keys and passwords are")                        \
	X(URL, public_url, "", 0, 500, "ATELIER_PUBLIC_URL",                                                           \
		"address that browsers use, when a reverse proxy stands in front (https://chat.example.org)")          \
	X(BOOL, trust_proxy, 0, 0, 1, "ATELIER_TRUST_PROXY",                                                           \
		"believe X-Forwarded-For and X-Forwarded-Proto of a proxy on this machine")                            \
	X(NETWORKS, trusted_proxies, "", 0, 2000, "ATELIER_TRUSTED_PROXIES",                                           \
		"addresses or networks of proxies elsewhere that are believed the same (10.0.0.5 192.168.7.0/24)")     \
	X(CHOICE, log_level, "info", "error warn info debug", 5, "ATELIER_LOG_LEVEL", "how much is logged")            \
	X(CHOICE, log_format, "text", "text json", 4, "ATELIER_LOG_FORMAT", "how lines of the log are written")        \
	X(CHOICE, metrics_access, "public", "public admin off", 6, "ATELIER_METRICS_ACCESS", "who may read /metrics")  \
	X(INT, workers, 4, 1, 64, "ATELIER_WORKERS", "threads for short requests")                                     \
	X(INT, db_readers, 6, 1, 64, "ATELIER_DB_READERS", "database connections for reading")                         \
	X(INT, max_connections, 20000, 16, 1000000, "ATELIER_MAX_CONNECTIONS",                                         \
		"open client connections; never more than half of the open files the system allows")                   \
	X(INT, max_connections_per_address, 0, 0, 1000000, "ATELIER_MAX_CONNECTIONS_PER_ADDRESS",                      \
		"open client connections of one address (an IPv6 network of 64 bits is one); 0: half of all")          \
	X(INT, max_header_bytes, 32768, 1024, 1048576, "ATELIER_MAX_HEADER_BYTES", "size of the headers of a request") \
	X(INT, max_body_bytes, 4194304, 1024, 1073741824, "ATELIER_MAX_BODY_BYTES", "size of the body of a request")   \
	X(INT, max_message_bytes, 524288, 16, 67108864, "ATELIER_MAX_MESSAGE_BYTES", "size of one message")            \
	X(INT, max_turns, 512, 1, 100000, "ATELIER_MAX_TURNS", "answers written at the same time")                     \
	X(INT, max_turns_per_user, 8, 1, 100000, "ATELIER_MAX_TURNS_PER_USER",                                         \
		"answers written at the same time for one user")                                                       \
	X(INT, max_answer_bytes, 8388608, 65536, 268435456, "ATELIER_MAX_ANSWER_BYTES", "size of one turn's log")      \
	X(INT, tool_rounds, 20, 1, 1000, "ATELIER_TOOL_ROUNDS", "times that tools are run for one answer")             \
	X(INT, tool_calls, 8, 1, 100, "ATELIER_TOOL_CALLS", "tools that a model may call at a time")                   \
	X(INT, tool_seconds, 900, 1, 86400, "ATELIER_TOOL_SECONDS",                                                    \
		"from then on an answer calls no more tools and ends")                                                 \
	X(INT, tool_tokens, 0, 0, 1000000000, "ATELIER_TOOL_TOKENS",                                                   \
		"input and output tokens from which on an answer calls no more tools (0: no bound)")                   \
	X(INT, tool_cost_micros, 0, 0, 1000000000000, "ATELIER_TOOL_COST_MICROS",                                      \
		"millionths of the currency from which on an answer calls no more tools, where prices are known (0: "  \
		"no "                                                                                                  \
		"bound)")                                                                                              \
	X(INT, approval_hours, 24, 1, 8760, "ATELIER_APPROVAL_HOURS", "hours to decide whether a tool may run")        \
	X(INT, question_minutes, 10, 1, 60, "ATELIER_QUESTION_MINUTES", "minutes to answer what a running tool asks")  \
	X(INT, rate_per_minute, 600, 10, 10000000, "ATELIER_RATE_PER_MINUTE", "requests per user and minute")          \
	X(INT, session_days, 30, 1, 3650, "ATELIER_SESSION_DAYS", "days until an unused session ends")                 \
	X(INT, login_attempts, 5, 1, 1000, "ATELIER_LOGIN_ATTEMPTS",                                                   \
		"failed logins per name and address before waiting is asked for")                                      \
	X(INT, stream_token_s, 300, 5, 86400, "ATELIER_STREAM_TOKEN_S", "seconds a stream link can be opened")         \
	X(INT, heartbeat_s, 15, 1, 300, "ATELIER_HEARTBEAT_S", "seconds of silence before a heartbeat on a stream")    \
	X(INT, reader_stall_s, 30, 1, 3600, "ATELIER_READER_STALL_S",                                                  \
		"seconds a reader may leave a full stream unread before it is dropped")                                \
	X(INT, job_retry_ms, 5000, 0, 3600000, "ATELIER_JOB_RETRY_MS",                                                 \
		"milliseconds until a job that failed for a passing reason is tried again; doubles each time (0: "     \
		"never)")                                                                                              \
	X(INT, journal_segment_mb, 64, 1, 4096, "ATELIER_JOURNAL_SEGMENT_MB", "size of one journal file")              \
	X(INT, journal_sync_ms, 1000, 0, 60000, "ATELIER_JOURNAL_SYNC_MS",                                             \
		"milliseconds between syncs of the journal to the disk (0: never; power loss only, not crashes)")      \
	X(INT, usage_keep_days, 400, 0, 36500, "ATELIER_USAGE_KEEP_DAYS",                                              \
		"days that records of single calls are kept; sums by day stay (0: for ever)")                          \
	X(INT, turn_log_keep_days, 30, 0, 36500, "ATELIER_TURN_LOG_KEEP_DAYS",                                         \
		"days that the event log of an answer is kept; the answer itself stays (0: for ever)")                 \
	X(INT, bin_keep_days, 30, 0, 36500, "ATELIER_BIN_KEEP_DAYS",                                                   \
		"days that a deleted conversation stays in the bin (0: for ever)")                                     \
	X(INT, upload_max_mb, 1024, 1, 1048576, "ATELIER_UPLOAD_MAX_MB", "size of one upload")                         \
	X(INT, upload_quota_mb, 4096, 1, 1048576, "ATELIER_UPLOAD_QUOTA_MB", "size of all uploads of one user")        \
	X(INT, upload_keep_hours, 24, 1, 8760, "ATELIER_UPLOAD_KEEP_HOURS",                                            \
		"hours that an upload is kept, whole or not, until something has taken it")                            \
	X(INT, image_max_mb, 20, 1, 200, "ATELIER_IMAGE_MAX_MB", "size of one picture")                                \
	X(INT, image_max_megapixels, 100, 1, 1000, "ATELIER_IMAGE_MAX_MEGAPIXELS",                                     \
		"millions of pixels of one picture")                                                                   \
	X(INT, image_quota_mb, 4096, 1, 1048576, "ATELIER_IMAGE_QUOTA_MB", "size of all pictures of one user")         \
	X(INT, file_quota_mb, 1024, 1, 1048576, "ATELIER_FILE_QUOTA_MB",                                               \
		"size of all files that tools made for answers of one user")                                           \
	X(INT, document_max_mb, 100, 1, 4096, "ATELIER_DOCUMENT_MAX_MB", "size of one document")                       \
	X(INT, document_quota_mb, 4096, 1, 1048576, "ATELIER_DOCUMENT_QUOTA_MB", "size of all documents of one user")  \
	X(INT, document_total_mb, 0, 0, 1073741824, "ATELIER_DOCUMENT_TOTAL_MB",                                       \
		"size of all documents of all users; 0: as the disk has room")                                         \
	X(INT, document_index_mb, 1024, 1, 1048576, "ATELIER_DOCUMENT_INDEX_MB",                                       \
		"memory for the indexes of documents; beyond it those searched longest ago are read anew when needed") \
	X(BOOL, own_tool_servers, 1, 0, 1, "ATELIER_OWN_TOOL_SERVERS",                                                 \
		"let everybody add tool servers for themselves; else administrators alone")                            \
	X(NETWORKS, tool_networks, "", 0, 2000, "ATELIER_TOOL_NETWORKS",                                               \
		"networks beside the public internet that everybody's tools may reach, with blanks between")           \
	X(BOOL, written_calls, 1, 0, 1, "ATELIER_WRITTEN_CALLS",                                                       \
		"let models that cannot call tools write their calls as text")                                         \
	X(CHOICE, web_search, "none", "none searxng brave tavily", 7, "ATELIER_WEB_SEARCH",                            \
		"who searches the web for models")                                                                     \
	X(URL, searxng_url, "", 0, 500, "SEARXNG_URL",                                                                 \
		"where SearXNG is, whose settings have json among search.formats")                                     \
	X(SECRET, web_search_key, "", 0, 500, "ATELIER_WEB_SEARCH_KEY", "key of Brave or Tavily")                      \
	X(INT, responses_keep_hours, 24, 0, 8760, "ATELIER_RESPONSES_KEEP_HOURS",                                      \
		"hours that an answer of /v1/responses can be gone on from by its id (0: none is kept)")               \
	X(HOST, ollama_host, "http://localhost:11434", 0, 500, "OLLAMA_HOST",                                          \
		"where Ollama listens (empty: not used)")                                                              \
	X(URL, openai_base_url, "", 0, 500, "OPENAI_BASE_URL", "an OpenAI-compatible server (empty: not used)")        \
	X(SECRET, openai_api_key, "", 0, 500, "OPENAI_API_KEY", "key for it (alone: for https://api.openai.com/v1)")   \
	X(URL, anthropic_base_url, "https://api.anthropic.com", 0, 500, "ANTHROPIC_BASE_URL",                          \
		"where the Anthropic API is")                                                                          \
	X(SECRET, anthropic_api_key, "", 0, 500, "ANTHROPIC_API_KEY", "key for it (empty: not used)")                  \
	X(BOOL, librarian, 1, 0, 1, "ATELIER_LIBRARIAN", "offer the built-in Librarian")                               \
	X(STR, default_model, "", 0, 200, "ATELIER_MODEL",                                                             \
		"model chosen for new conversations (empty: the first found)")                                         \
	X(INT, answer_max_tokens, 16384, 0, 10000000, "ATELIER_ANSWER_MAX_TOKENS",                                     \
		"tokens of one answer of an Ollama, which has no limit of its own (0: none)")                          \
	X(INT, ollama_context_max, 131072, 2048, 10000000, "ATELIER_OLLAMA_CONTEXT_MAX",                               \
		"largest window that Ollama is asked to load a model with, in tokens")                                 \
	X(BOOL, auto_title, 1, 0, 1, "ATELIER_AUTO_TITLE", "let the model name new conversations")                     \
	X(INT, model_refresh_s, 60, 5, 86400, "ATELIER_MODEL_REFRESH_S", "seconds between looks at the model lists")   \
	X(INT, connect_timeout_ms, 5000, 100, 120000, "ATELIER_CONNECT_TIMEOUT_MS", "time to connect to a provider")   \
	X(INT, first_byte_timeout_s, 300, 1, 7200, "ATELIER_FIRST_BYTE_TIMEOUT_S",                                     \
		"time until a provider's first byte (a model may be loading)")                                         \
	X(INT, prompt_tokens_per_s, 10, 0, 1000000, "ATELIER_PROMPT_TOKENS_PER_S",                                     \
		"tokens of a prompt that a slow machine reads in a second: a long prompt is waited for that much "     \
		"longer (0: no longer), within `total_timeout_s`")                                                     \
	X(INT, token_timeout_s, 120, 1, 7200, "ATELIER_TOKEN_TIMEOUT_S", "time between two pieces of an answer")       \
	X(INT, total_timeout_s, 1800, 0, 86400, "ATELIER_TOTAL_TIMEOUT_S", "time for a whole answer (0: no limit)")    \
	X(INT, max_answer_tokens, 32768, 0, 100000000, "ATELIER_MAX_ANSWER_TOKENS",                                    \
		"tokens of an answer for which nobody asked for another limit (0: no limit)")                          \
	X(BOOL, stop_repetition, 1, 0, 1, "ATELIER_STOP_REPETITION",                                                   \
		"end an answer that repeats the same text for ever (8 KiB of it, of figures 64 KiB, in at most 1 KiB " \
		"at a time; where its numbers alone go on, each by the same step, 320 KiB)")                           \
	X(INT, provider_concurrency, 0, 0, 100000, "ATELIER_PROVIDER_CONCURRENCY",                                     \
		"calls of one provider at the same time; more wait in a fair queue (0: no limit, and for each model "  \
		"of "                                                                                                  \
		"an Ollama as many as it is seen to answer)")                                                          \
	X(INT, breaker_failures, 3, 1, 1000, "ATELIER_BREAKER_FAILURES",                                               \
		"failures in a row after which a provider is left alone for a while")                                  \
	X(INT, breaker_open_s, 10, 1, 3600, "ATELIER_BREAKER_OPEN_S",                                                  \
		"seconds it is left alone at first; doubles up to 8 times")                                            \
	X(BOOL, warm_up, 1, 0, 1, "ATELIER_WARM_UP", "let Ollama load the default model at the start")                 \
	X(BOOL, gateway, 1, 0, 1, "ATELIER_GATEWAY",                                                                   \
		"serve other programs at /v1 and /ollama as OpenAI, Anthropic and Ollama would")                       \
	X(STR, gateway_open_user, "", 0, 64, "ATELIER_GATEWAY_OPEN_USER",                                              \
		"user whose rights gateway requests without a key have (empty: a key is needed)")                      \
	X(STR, gateway_open_hosts, "", 0, 2000, "ATELIER_GATEWAY_OPEN_HOSTS",                                          \
		"further host names under which requests without a key are taken, with spaces between")                \
	X(INT, gateway_max_body_bytes, 33554432, 1024, 1073741824, "ATELIER_GATEWAY_MAX_BODY_BYTES",                   \
		"size of the body of a gateway request")                                                               \
	X(INT, gateway_max_calls, 512, 1, 100000, "ATELIER_GATEWAY_MAX_CALLS",                                         \
		"gateway requests answered at the same time")                                                          \
	X(ORIGINS, cors_origins, "", 0, 2000, "ATELIER_CORS_ORIGINS",                                                  \
		"origins of pages that may call the gateway from a browser, with spaces between, or *")                \
	X(BOOL, directory, 1, 0, 1, "ATELIER_DIRECTORY",                                                               \
		"let everybody find the names of people and groups, to share something with them")                     \
	X(STR, currency, "USD", 1, 8, "ATELIER_CURRENCY", "currency of the price table")                               \
	X(STR, server, "http://127.0.0.1:8420", 1, 500, "ATELIER_SERVER",                                              \
		"server that `atelier chat` asks with --assistant or -c")                                              \
	X(SECRET, server_key, "", 0, 200, "ATELIER_SERVER_KEY", "API key for it, which may act as you")                \
	X(SECRET, master_key, "", 0, 64, "ATELIER_MASTER_KEY",                                                         \
		"64 hexadecimal digits that stored keys are encrypted with (empty: DATA/master.key)")                  \
	X(INT, provider_tries, 6, 1, 20, "ATELIER_PROVIDER_TRIES", "tries of a provider call before its first byte")   \
	X(INT, retry_base_ms, 500, 1, 60000, "ATELIER_RETRY_BASE_MS",                                                  \
		"first wait between tries; doubles, up to 16 times")
