import { AF_UNIX, BlockingStream, connect, NativeMemory, streamSocket } from '@vfio-user/posix-ffi';
import { BenchError } from '../errors.js';
import { ECHO_HEAD_BYTES, type EchoRequest, writeEchoHead } from './echo-protocol.js';
import { echoAddress, trySetNoDelay } from './echo-socket.js';

/** A connection to an echo server, with blocking calls. */
export class EchoClient {
  readonly #stream: BlockingStream;
  readonly #request: NativeMemory;
  readonly #reply: NativeMemory;

  constructor(uri: string, asked: EchoRequest) {
    const { domain, bytes } = echoAddress(uri);
    const socket = streamSocket(domain);
    this.#stream = new BlockingStream(socket);
    this.#request = new NativeMemory(asked.requestBytes);
    this.#reply = new NativeMemory(asked.replyBytes);
    this.#request.bytes.fill(1);
    const head = new NativeMemory(ECHO_HEAD_BYTES);
    writeEchoHead(head.view, asked);
    try {
      connect(socket, bytes, uri);
      if (domain !== AF_UNIX) trySetNoDelay(socket);
      this.#stream.send(head.address, ECHO_HEAD_BYTES);
    } catch (error) {
      this.#stream.close();
      throw error;
    }
  }

  send(): void {
    this.#stream.send(this.#request.address, this.#request.bytes.length);
  }

  receive(): void {
    if (this.#stream.receive(this.#reply.address, this.#reply.bytes.length)) return;
    throw new BenchError('the echo server closed the connection');
  }

  close(): void {
    this.#stream.close();
  }
}
