/*
 * ping-pong ADDRESS REQUEST_BYTES REPLY_BYTES WARMUP COUNT [DEPTH]
 *
 * The client of echo-server: sends a request and waits for the reply, again and again, and prints
 * how long each round trip took. DEPTH requests, 1 unless given, are under way at a time.
 */
#include "samples.h"
#include "stream.h"

int main(int argc, char **argv)
{
	if (argc != 6 && argc != 7)
		errx(2, "usage: ping-pong ADDRESS REQUEST_BYTES REPLY_BYTES WARMUP COUNT [DEPTH]");
	const size_t request_bytes = number(argv[2]);
	const size_t reply_bytes = number(argv[3]);
	const size_t warmup = number(argv[4]);
	const size_t count = number(argv[5]);
	const size_t depth = argc == 7 ? number(argv[6]) : 1;
	char *request = calloc(1, request_bytes);
	char *reply = calloc(1, reply_bytes);
	uint64_t *started = calloc(depth, sizeof(*started));
	uint32_t *samples = new_samples(count);
	stream server = client_stream(connect_to(argv[1]));

	if (request == NULL || reply == NULL || started == NULL)
		err(1, "%zu times %zu and %zu bytes", depth, request_bytes, reply_bytes);
	for (size_t sent = 0, received = 0; received < warmup + count; received++) {
		for (; sent < received + depth && sent < warmup + count; sent++) {
			started[sent % depth] = now_ns();
			if (!send_all(server, request, request_bytes))
				errx(1, "the server closed the connection");
		}
		if (!receive_all(server, reply, reply_bytes))
			errx(1, "the server closed the connection");
		if (received >= warmup)
			samples[received - warmup] = (uint32_t)(now_ns() - started[received % depth]);
	}
	write_samples(samples, count);
	return 0;
}
