/* yaml_tree.h - YAML as the tree that JSON is: for documents that people write either way. Any thread. */
#pragma once

#include "base/json.h"

/*
 * Reads one document, the first. Plain scalars are what YAML 1.2's core schema says (null, true, numbers; `yes` is a text), keys are
 * texts. An alias is the value that its anchor stands at, not a copy of it, so that the tree is small whatever it would be written
 * out; none stands within itself. E_INVALID with the line; E_TOO_LARGE when the tree would take more than `memory` bytes, or has
 * more than 256 levels. The result is owned by the caller, and must not be changed in place.
 */
int yaml_read(const char *p, size_t n, size_t memory, json_t **ret, struct err *e) MUST_CHECK;
