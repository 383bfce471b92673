/*
 * region-client ADDRESS REGION OFFSET WARMUP COUNT
 *
 * Reads 4 bytes of a region of a vfio-user server again and again, blocking, and prints how long
 * each round trip took. It speaks the native encoding.
 */
#include "samples.h"
#include "stream.h"

enum { COMMAND_VERSION = 1, COMMAND_REGION_READ = 9 };
enum { TYPE_REPLY = 1, TYPE_MASK = 0xf, FLAG_ERROR = 0x20 };

struct header {
	uint16_t id;
	uint16_t command;
	uint32_t size;
	uint32_t flags;
	uint32_t error;
};

struct region_read {
	struct header header;
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

struct region_read_reply {
	struct region_read read;
	uint32_t data;
} __attribute__((packed));

static void exchange(int fd, const void *request, size_t request_bytes, void *reply,
		     size_t reply_bytes)
{
	if (!send_all(fd, request, request_bytes) || !receive_all(fd, reply, reply_bytes))
		errx(1, "the server closed the connection");
}

static void check_reply(struct header reply, uint16_t command)
{
	if (reply.command != command || (reply.flags & TYPE_MASK) != TYPE_REPLY)
		errx(1, "reply to command %u, flags 0x%x", reply.command, reply.flags);
	if ((reply.flags & FLAG_ERROR) != 0)
		errx(1, "the server refused command %u: errno %u", command, reply.error);
}

static void negotiate(int fd)
{
	static const char capabilities[] = "{\"capabilities\":{\"max_msg_fds\":1}}";
	struct {
		struct header header;
		uint16_t major;
		uint16_t minor;
		char capabilities[sizeof(capabilities)];
	} request = { .header = { .command = COMMAND_VERSION } };
	const uint32_t size = 20 + sizeof(capabilities);
	struct header reply;
	char rest[4096];

	request.header.size = size;
	request.minor = 1;
	memcpy(request.capabilities, capabilities, sizeof(capabilities));
	exchange(fd, &request, size, &reply, sizeof(reply));
	check_reply(reply, COMMAND_VERSION);
	if (reply.size < sizeof(reply) || reply.size - sizeof(reply) > sizeof(rest))
		errx(1, "VERSION reply of %u bytes", reply.size);
	if (!receive_all(fd, rest, reply.size - sizeof(reply)))
		errx(1, "the server closed the connection");
}

int main(int argc, char **argv)
{
	struct region_read request = { .header = { .command = COMMAND_REGION_READ,
						   .size = sizeof(request) } };
	struct region_read_reply reply;

	if (argc != 6)
		errx(2, "usage: region-client ADDRESS REGION OFFSET WARMUP COUNT");
	const size_t warmup = number(argv[4]);
	const size_t count = number(argv[5]);
	uint32_t *samples = new_samples(count);
	int fd = connect_to(argv[1]);

	negotiate(fd);
	request.region = (uint32_t)number(argv[2]);
	request.offset = number(argv[3]);
	request.count = 4;
	for (size_t i = 0; i < warmup + count; i++) {
		const uint64_t start = now_ns();

		request.header.id = (uint16_t)i;
		exchange(fd, &request, sizeof(request), &reply, sizeof(reply));
		if (i >= warmup)
			samples[i - warmup] = (uint32_t)(now_ns() - start);
		check_reply(reply.read.header, COMMAND_REGION_READ);
	}
	write_samples(samples, count);
	return 0;
}
