/*
 * copy FOOTPRINT COUNT
 *
 * memcpy of 1 MiB blocks between two areas of FOOTPRINT bytes in one memfd, mapped shared as guest
 * memory is. Walks through the areas block by block, COUNT blocks in all, and prints how long each
 * took. One pass over the areas comes first, unmeasured.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "samples.h"

enum { BLOCK_BYTES = 1 << 20 };

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: copy FOOTPRINT COUNT");
	const size_t footprint = number(argv[1]);
	const size_t count = number(argv[2]);
	uint32_t *samples = new_samples(count);
	int fd = memfd_create("copy", MFD_CLOEXEC);

	if (footprint == 0 || footprint % BLOCK_BYTES != 0)
		errx(2, "the footprint must be a multiple of 1 MiB");
	if (fd < 0 || ftruncate(fd, (off_t)(2 * footprint)) != 0)
		err(1, "memfd");
	char *source = mmap(NULL, 2 * footprint, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (source == MAP_FAILED)
		err(1, "mmap");
	char *target = source + footprint;

	memset(source, 1, 2 * footprint);
	memcpy(target, source, footprint);
	for (size_t i = 0, at = 0; i < count; i++, at = (at + BLOCK_BYTES) % footprint) {
		const uint64_t start = now_ns();

		memcpy(target + at, source + at, BLOCK_BYTES);
		/* What was copied counts as used. */
		__asm__ volatile("" : : "r"(target) : "memory");
		samples[i] = (uint32_t)(now_ns() - start);
	}
	write_samples(samples, count);
	return 0;
}
