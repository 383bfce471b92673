/*
 * Blocking byte streams. An address is the path of an AF_UNIX socket, or 127.0.0.1:PORT for TCP,
 * without delay. Compiled with WITH_TLS they speak TLS 1.3, and both sides show the certificate
 * that the environment names (TLS_CERTIFICATE, TLS_KEY: PEM files).
 */
#ifndef STREAM_H
#define STREAM_H

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in internet;
	};
	socklen_t length;
};

static inline struct address parse_address(const char *text)
{
	struct address address = { 0 };
	const char loopback[] = "127.0.0.1:";
	const size_t host = sizeof(loopback) - 1;

	if (strncmp(text, loopback, host) == 0) {
		address.internet.sin_family = AF_INET;
		address.internet.sin_port = htons((uint16_t)atoi(text + host));
		address.internet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.length = sizeof(address.internet);
	} else {
		if (strlen(text) >= sizeof(address.local.sun_path))
			errx(2, "%s is too long", text);
		address.local.sun_family = AF_UNIX;
		strcpy(address.local.sun_path, text);
		address.length = sizeof(address.local);
	}
	return address;
}

static inline int new_socket(const struct address *address)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

static inline void without_delay(int fd)
{
	/* Refused by AF_UNIX, which knows no delay. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static inline int connect_to(const char *text)
{
	struct address address = parse_address(text);
	int fd = new_socket(&address);

	if (connect(fd, &address.any, address.length) != 0)
		err(1, "%s", text);
	without_delay(fd);
	return fd;
}

/* Says where, with the port that the kernel chose for 127.0.0.1:0. */
static inline int listen_on(const char *text)
{
	struct address address = parse_address(text);
	int fd = new_socket(&address);

	if (bind(fd, &address.any, address.length) != 0 || listen(fd, 1) != 0 ||
	    getsockname(fd, &address.any, &address.length) != 0)
		err(1, "%s", text);
	if (address.any.sa_family == AF_INET)
		printf("listening 127.0.0.1:%u\n", ntohs(address.internet.sin_port));
	else
		printf("listening %s\n", text);
	fflush(stdout);
	return fd;
}

static inline int accept_from(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	without_delay(fd);
	return fd;
}

#ifdef WITH_TLS

#include <openssl/ssl.h>

typedef SSL *stream;

static inline SSL *secured(int fd, const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);
	const char *certificate = getenv("TLS_CERTIFICATE");
	SSL *ssl;

	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, getenv("TLS_KEY"), SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(context, certificate, NULL) != 1)
		errx(1, "TLS_CERTIFICATE or TLS_KEY cannot be used");
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(ssl, fd);
	return ssl;
}

static inline stream client_stream(int fd)
{
	SSL *ssl = secured(fd, TLS_client_method());

	if (SSL_connect(ssl) != 1)
		errx(1, "no TLS connection");
	return ssl;
}

static inline stream server_stream(int fd)
{
	SSL *ssl = secured(fd, TLS_server_method());

	if (SSL_accept(ssl) != 1)
		errx(1, "no TLS connection");
	return ssl;
}

static inline ssize_t receive_some(stream ssl, void *bytes, size_t length)
{
	return SSL_read(ssl, bytes, (int)length);
}

static inline ssize_t send_some(stream ssl, const void *bytes, size_t length)
{
	return SSL_write(ssl, bytes, (int)length);
}

#else

typedef int stream;

static inline stream client_stream(int fd)
{
	return fd;
}

static inline stream server_stream(int fd)
{
	return fd;
}

static inline ssize_t receive_some(stream fd, void *bytes, size_t length)
{
	return recv(fd, bytes, length, 0);
}

static inline ssize_t send_some(stream fd, const void *bytes, size_t length)
{
	return send(fd, bytes, length, MSG_NOSIGNAL);
}

#endif

/* Returns whether the peer took them all. */
static inline int send_all(stream to, const void *bytes, size_t length)
{
	return send_some(to, bytes, length) == (ssize_t)length;
}

/* Returns whether that many came before the end. */
static inline int receive_all(stream from, void *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t count = receive_some(from, (char *)bytes + done, length - done);

		if (count <= 0)
			return 0;
		done += (size_t)count;
	}
	return 1;
}

#endif
