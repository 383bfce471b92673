/*
 * copy SOURCE TARGET COUNT
 *
 * memcpy of 1 MiB blocks from an area of SOURCE bytes to one of TARGET bytes in one memfd, mapped
 * shared as guest memory is. Walks round both areas block by block, COUNT blocks in all, and prints
 * how long each took. One pass comes first, unmeasured.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "samples.h"

enum { BLOCK_BYTES = 1 << 20 };

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: copy SOURCE TARGET COUNT");
	const size_t source_bytes = number(argv[1]);
	const size_t target_bytes = number(argv[2]);
	const size_t count = number(argv[3]);
	const size_t pass = source_bytes / BLOCK_BYTES;
	uint32_t *samples = new_samples(count);
	int fd = memfd_create("copy", MFD_CLOEXEC);

	if (pass == 0 || target_bytes == 0 || (source_bytes | target_bytes) % BLOCK_BYTES != 0)
		errx(2, "the areas must be multiples of 1 MiB");
	if (fd < 0 || ftruncate(fd, (off_t)(source_bytes + target_bytes)) != 0)
		err(1, "memfd");
	char *source = mmap(NULL, source_bytes + target_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, 0);

	if (source == MAP_FAILED)
		err(1, "mmap");
	char *target = source + source_bytes;

	memset(source, 1, source_bytes + target_bytes);
	for (size_t i = 0; i < pass + count; i++) {
		const uint64_t start = now_ns();

		memcpy(target + i * BLOCK_BYTES % target_bytes, source + i * BLOCK_BYTES % source_bytes,
		       BLOCK_BYTES);
		/* What was copied counts as used. */
		__asm__ volatile("" : : "r"(target) : "memory");
		if (i >= pass)
			samples[i - pass] = (uint32_t)(now_ns() - start);
	}
	write_samples(samples, count);
	return 0;
}
