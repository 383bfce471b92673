/*
 * ping-pong ADDRESS REQUEST_BYTES REPLY_BYTES WARMUP COUNT
 *
 * The client of echo-server: sends a request and waits for the reply, again and again, and prints
 * how long each round trip took.
 */
#include "samples.h"
#include "stream.h"

int main(int argc, char **argv)
{
	if (argc != 6)
		errx(2, "usage: ping-pong ADDRESS REQUEST_BYTES REPLY_BYTES WARMUP COUNT");
	const size_t request_bytes = number(argv[2]);
	const size_t reply_bytes = number(argv[3]);
	const size_t warmup = number(argv[4]);
	const size_t count = number(argv[5]);
	char *request = calloc(1, request_bytes);
	char *reply = calloc(1, reply_bytes);
	uint32_t *samples = new_samples(count);
	stream server = client_stream(connect_to(argv[1]));

	if (request == NULL || reply == NULL)
		err(1, "%zu and %zu bytes", request_bytes, reply_bytes);
	for (size_t i = 0; i < warmup + count; i++) {
		const uint64_t start = now_ns();

		if (!send_all(server, request, request_bytes) ||
		    !receive_all(server, reply, reply_bytes))
			errx(1, "the server closed the connection");
		if (i >= warmup)
			samples[i - warmup] = (uint32_t)(now_ns() - start);
	}
	write_samples(samples, count);
	return 0;
}
