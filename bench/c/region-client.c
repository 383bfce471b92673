/*
 * region-client PATH raw|vfio-user REGION OFFSET WARMUP COUNT
 *
 * Reads 4 bytes of a region again and again over an AF_UNIX socket, blocking, and prints how long
 * each round trip took. "raw" sends the same bytes without a VERSION handshake, to echo-server.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "samples.h"

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

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s is too long", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		err(1, "%s", path);
	return fd;
}

static void send_all(int fd, const void *bytes, size_t length)
{
	ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

	if (sent != (ssize_t)length)
		err(1, "send");
}

static void receive_all(int fd, void *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t count = recv(fd, (char *)bytes + done, length - done, 0);

		if (count < 0)
			err(1, "recv");
		if (count == 0)
			errx(1, "the server closed the connection");
		done += (size_t)count;
	}
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
	send_all(fd, &request, size);
	receive_all(fd, &reply, sizeof(reply));
	check_reply(reply, COMMAND_VERSION);
	if (reply.size < sizeof(reply) || reply.size - sizeof(reply) > sizeof(rest))
		errx(1, "VERSION reply of %u bytes", reply.size);
	receive_all(fd, rest, reply.size - sizeof(reply));
}

int main(int argc, char **argv)
{
	struct region_read request = { .header = { .command = COMMAND_REGION_READ,
						   .size = sizeof(request) } };
	struct region_read_reply reply;

	if (argc != 7)
		errx(2, "usage: region-client PATH raw|vfio-user REGION OFFSET WARMUP COUNT");
	const int raw = strcmp(argv[2], "raw") == 0;
	const size_t warmup = number(argv[5]);
	const size_t count = number(argv[6]);
	uint32_t *samples = new_samples(count);
	int fd = connect_to(argv[1]);

	if (!raw)
		negotiate(fd);
	request.region = (uint32_t)number(argv[3]);
	request.offset = number(argv[4]);
	request.count = 4;
	for (size_t i = 0; i < warmup + count; i++) {
		const uint64_t start = now_ns();

		request.header.id = (uint16_t)i;
		send_all(fd, &request, sizeof(request));
		receive_all(fd, &reply, sizeof(reply));
		if (i >= warmup)
			samples[i - warmup] = (uint32_t)(now_ns() - start);
		if (!raw)
			check_reply(reply.read.header, COMMAND_REGION_READ);
	}
	write_samples(samples, count);
	return 0;
}
