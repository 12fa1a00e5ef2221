/*
 * logger.h - the log of a server: lines go through a bounded queue to a thread that writes them to standard error, so that
 * nobody waits for whoever reads it. While nobody does, lines are lost and counted; once there is room a line says how many.
 */
#pragma once

#include "base/err.h"

/* From here on log_write() goes through the queue. What a fatal signal finds in it is written before the program ends. */
int logger_start(struct err *e) MUST_CHECK;

/* Writes what is queued, for at most a second in all; lines go directly from then on. Does nothing when not started. */
void logger_stop(void);

/* Writes to a descriptor that may be a pipe nobody reads, for at most `ms`; false when not all of it went out. */
bool write_for(int fd, const char *p, size_t n, int ms);
