/* health.c - the state of each part, under one lock. */
#include "sys/health.h"

#include <pthread.h>
#include <stdio.h>

#include "base/log.h"

#define X(part, is_ready, text) {.name = #part, .words = (text), .ready = (is_ready)},
static const struct health_info infos[] = {HEALTH_TABLE(X)};
#undef X

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static char texts[HEALTH_COUNT][HEALTH_TEXT_BYTES]; /* "": it works */
static unsigned changes;                            /* atomic */

const struct health_info *health_info(enum health_part p)
{
	ASSERT(p < HEALTH_COUNT);
	return &infos[p];
}

void health_set(enum health_part p, const char *text)
{
	bool was, is = text && *text;

	ASSERT(p < HEALTH_COUNT);
	pthread_mutex_lock(&mx);
	was = texts[p][0] != '\0';
	snprintf(texts[p], HEALTH_TEXT_BYTES, "%s", text ? text : "");
	pthread_mutex_unlock(&mx);
	if (is != was)
		__atomic_add_fetch(&changes, 1, __ATOMIC_RELAXED);
	/* Once for each time that it breaks: the sentence may count seconds. */
	if (is && !was)
		log_write(infos[p].ready ? LOG_WARN : LOG_ERROR, "health", "%s", text);
	else if (was && !is)
		log_info("health", "%s: works again", infos[p].name);
}

unsigned health_changes(void)
{
	return __atomic_load_n(&changes, __ATOMIC_RELAXED);
}

bool health_get_text(enum health_part p, char ret[HEALTH_TEXT_BYTES])
{
	ASSERT(p < HEALTH_COUNT);
	pthread_mutex_lock(&mx);
	memcpy(ret, texts[p], HEALTH_TEXT_BYTES);
	pthread_mutex_unlock(&mx);
	return ret[0] != '\0';
}

const struct health_info *health_not_ready(void)
{
	const struct health_info *found = NULL;

	pthread_mutex_lock(&mx);
	for (size_t i = 0; i < N_ELEMENTS(infos) && !found; i++) {
		if (!infos[i].ready && texts[i][0])
			found = &infos[i];
	}
	pthread_mutex_unlock(&mx);
	return found;
}
