import { parseUri, withPort } from '@vfio-user/core/transport';
import {
  AF_UNIX,
  AF_VSOCK,
  BlockingStream,
  bind,
  type FileDescriptor,
  listen,
  localAddress,
  NativeMemory,
  parseInternetAddress,
  parseVsockAddress,
  streamSocket,
} from '@vfio-user/posix-ffi';
import { AcceptLoop } from '@vfio-user/transport-socket';
import { ECHO_HEAD_BYTES, readEchoHead } from './echo-protocol.js';
import { echoAddress, trySetNoDelay } from './echo-socket.js';

const BACKLOG = 16;

/** A server that only receives requests and sends replies. */
export interface EchoServer {
  /** Where it really listens. */
  readonly uri: string;
  close(): void;
}

/** Serves one client after the other, in blocking system calls. */
export function startEchoServer(uri: string): EchoServer {
  const { domain, bytes } = echoAddress(uri);
  const socket = streamSocket(domain);
  try {
    bind(socket, bytes, uri);
    listen(socket, BACKLOG);
  } catch (error) {
    socket.close();
    throw error;
  }
  const bound = portOf(socket, domain);
  const loop = new AcceptLoop(socket, {
    onSocket: (client) => serveClient(client, domain),
    onError() {},
  });
  const listening = parseUri(uri);
  return {
    uri: bound === undefined ? listening.href : withPort(listening, bound),
    close: () => loop.close(),
  };
}

/** Where the kernel chose one, which one. */
function portOf(socket: FileDescriptor, domain: number): number | undefined {
  const address = localAddress(socket);
  return domain === AF_VSOCK
    ? parseVsockAddress(address).port
    : parseInternetAddress(address)?.port;
}

function serveClient(socket: FileDescriptor, domain: number): void {
  const stream = new BlockingStream(socket);
  try {
    if (domain !== AF_UNIX) trySetNoDelay(socket);
    echo(stream);
  } catch {
    // The client went away in the middle of something: the next one is welcome.
  } finally {
    stream.close();
  }
}

function echo(stream: BlockingStream): void {
  const head = new NativeMemory(ECHO_HEAD_BYTES);
  if (!stream.receive(head.address, ECHO_HEAD_BYTES)) return;
  const asked = readEchoHead(head.view);
  if (asked === undefined) return;
  const request = new NativeMemory(asked.requestBytes);
  const reply = new NativeMemory(asked.replyBytes);
  // A page that was never written costs the caches nothing.
  reply.bytes.fill(1);
  for (let received = 1; stream.receive(request.address, asked.requestBytes); received++) {
    if (received % asked.requestsPerReply !== 0) continue;
    stream.send(reply.address, asked.replyBytes);
  }
}
