/*
 * echo-server ADDRESS REQUEST_BYTES REPLY_BYTES
 *
 * The least a server can do: receive a request, send a reply, blocking. Prints "listening" and
 * where when it is ready, and serves one client after the other.
 */
#include "samples.h"
#include "stream.h"

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: echo-server ADDRESS REQUEST_BYTES REPLY_BYTES");
	const size_t request_bytes = number(argv[2]);
	const size_t reply_bytes = number(argv[3]);
	char *request = calloc(1, request_bytes);
	char *reply = calloc(1, reply_bytes);
	int listener = listen_on(argv[1]);

	if (request == NULL || reply == NULL)
		err(1, "%zu and %zu bytes", request_bytes, reply_bytes);
	/* A page that was never written costs the caches nothing. */
	memset(reply, 1, reply_bytes);
	for (;;) {
		int fd = accept_from(listener);
		stream client = server_stream(fd);

		while (receive_all(client, request, request_bytes) &&
		       send_all(client, reply, reply_bytes))
			;
		close(fd);
	}
}
