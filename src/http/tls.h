/*
 * tls.h - the server's certificate and its key, over OpenSSL: TLS 1.2 and 1.3, http/1.1 by ALPN. Loaded anew while
 * connections run: those keep what they began with.
 */
#pragma once

#include "base/err.h"

struct tls;
struct ssl_st; /* OpenSSL's SSL */

/* PEM files: the certificate with its chain, and its key. What is wrong is a sentence that names the file. */
int tls_new(const char *cert_path, const char *key_path, struct tls **ret, struct err *e) MUST_CHECK;
void tls_free(struct tls *t); /* NULL is fine; connections may outlive it */

/* Reads both files again. On failure what was there stays in use, and so it does, while it is valid, for one that is not. Any thread. */
int tls_reload(struct tls *t, struct err *e) MUST_CHECK;

/* The server's end of one new connection, in the accepting state; the caller sets its descriptor and frees it. NULL when memory
 * is out. Any thread. */
struct ssl_st *tls_accept(struct tls *t);

/* What is worth a word about the certificate. */
struct tls_state {
	int64_t expires_ms; /* Unix milliseconds */
	char names[256];    /* "chat.example.org, www.example.org" */
	char warning[512];  /* sentences: it ends soon, others may read the key; "": nothing */
};
void tls_state(struct tls *t, struct tls_state *ret); /* any thread */
