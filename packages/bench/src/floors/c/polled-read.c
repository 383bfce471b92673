/*
 * polled-read STORAGE DEPTH WARMUP COUNT
 *
 * What a polled queue in shared memory costs without a protocol: one process asks for random
 * 4 KiB blocks, DEPTH at a time, another copies them out of STORAGE bytes into a buffer of the
 * asking one. Both spin. Prints how long each read took, from asking to noticing the answer.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "samples.h"

enum { BLOCK_BYTES = 4096, MAX_DEPTH = 256 };

struct slot {
	_Atomic uint32_t asked;
	_Atomic uint32_t answered;
	uint32_t block;
} __attribute__((aligned(64)));

static inline void spin(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

static void *shared(size_t length)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "%zu bytes", length);
	memset(memory, 1, length);
	return memory;
}

static uint32_t random_number(void)
{
	static uint32_t state = 0x9e3779b9;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void answer(struct slot *slots, size_t depth, char *buffers, const char *storage)
{
	uint32_t seen[MAX_DEPTH] = { 0 };

	for (size_t i = 0;; i = (i + 1) % depth) {
		const uint32_t asked = atomic_load_explicit(&slots[i].asked, memory_order_acquire);

		if (asked == seen[i]) {
			spin();
			continue;
		}
		seen[i] = asked;
		memcpy(buffers + i * BLOCK_BYTES, storage + (size_t)slots[i].block * BLOCK_BYTES,
		       BLOCK_BYTES);
		atomic_store_explicit(&slots[i].answered, asked, memory_order_release);
	}
}

int main(int argc, char **argv)
{
	uint64_t started[MAX_DEPTH];

	if (argc != 5)
		errx(2, "usage: polled-read STORAGE DEPTH WARMUP COUNT");
	const size_t blocks = number(argv[1]) / BLOCK_BYTES;
	const size_t depth = number(argv[2]);
	const size_t warmup = number(argv[3]);
	const size_t count = number(argv[4]);
	uint32_t *samples = new_samples(count);

	if (blocks == 0 || depth == 0 || depth > MAX_DEPTH)
		errx(2, "no such storage or depth");
	struct slot *slots = shared(depth * sizeof(*slots));
	char *buffers = shared(depth * BLOCK_BYTES);
	char *storage = shared(blocks * BLOCK_BYTES);

	memset(slots, 0, depth * sizeof(*slots));
	const pid_t parent = getpid();
	const pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			answer(slots, depth, buffers, storage);
		return 0;
	}
	for (size_t i = 0; i < depth; i++) {
		slots[i].block = random_number() % blocks;
		started[i] = now_ns();
		atomic_store_explicit(&slots[i].asked, 1, memory_order_release);
	}
	for (size_t done = 0, i = 0; done < warmup + count; i = (i + 1) % depth) {
		struct slot *slot = &slots[i];
		const uint32_t asked = atomic_load_explicit(&slot->asked, memory_order_relaxed);

		if (atomic_load_explicit(&slot->answered, memory_order_acquire) != asked) {
			spin();
			continue;
		}
		const uint64_t now = now_ns();

		if (done >= warmup)
			samples[done - warmup] = (uint32_t)(now - started[i]);
		done++;
		slot->block = random_number() % blocks;
		started[i] = now;
		atomic_store_explicit(&slot->asked, asked + 1, memory_order_release);
	}
	kill(child, SIGKILL);
	write_samples(samples, count);
	return 0;
}
