/* Times of single operations, written to stdout as native-endian u32 nanoseconds. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint32_t *new_samples(size_t count)
{
	uint32_t *samples = calloc(count, sizeof(*samples));

	if (samples == NULL)
		err(1, "%zu samples", count);
	return samples;
}

static inline void write_samples(const uint32_t *samples, size_t count)
{
	if (fwrite(samples, sizeof(*samples), count, stdout) != count || fflush(stdout) != 0)
		err(1, "stdout");
}

static inline size_t number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*text == '\0' || *end != '\0')
		errx(2, "%s is no number", text);
	return value;
}

#endif
