/*
 * echo-server PATH
 *
 * The least a server can do for region-client: receive 32 bytes, send 36, blocking. Prints
 * "listening" when it is ready and serves one client after the other.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_BYTES = 32, REPLY_BYTES = 36 };

static void serve(int fd)
{
	char message[REPLY_BYTES] = { 0 };

	while (recv(fd, message, REQUEST_BYTES, MSG_WAITALL) == REQUEST_BYTES) {
		if (send(fd, message, REPLY_BYTES, MSG_NOSIGNAL) != REPLY_BYTES)
			break;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		errx(2, "usage: echo-server PATH");
	strcpy(address.sun_path, argv[1]);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 1) != 0)
		err(1, "%s", argv[1]);
	printf("listening %s\n", argv[1]);
	fflush(stdout);
	for (;;) {
		int client = accept(listener, NULL, NULL);

		if (client < 0)
			err(1, "accept");
		serve(client);
		close(client);
	}
}
