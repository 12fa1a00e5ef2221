/*
 * secret.h - secrets that live long: keys of providers, keys that others are derived from. Each stands on pages of its own,
 * which core dumps leave out, which are not swapped where the system allows that, and which are wiped when it is given
 * back. A page a secret: meant for few.
 */
#pragma once

#include "base/base.h"

/* Zeroed, aligned for anything; aborts when memory is out. */
void *secret_new(size_t n) __attribute__((returns_nonnull));
char *secret_strdup(const char *s) __attribute__((returns_nonnull));

void secret_free(void *p); /* NULL: nothing */

/* Overwrites a text in place, up to its end; NULL: nothing. */
void secret_wipe(char *s);
