import { markAsUntransferable } from 'node:worker_threads';
import type { Descriptor, SharedResources } from '@vfio-user/core';
import { closeAll, errorCode } from '@vfio-user/core/internal';
import type { ReceiveBuffer, StreamEvents, StreamPort } from '@vfio-user/core/transport';
import {
  addressOf,
  type FileDescriptor,
  MessageSocket,
  Poller,
  pollersRunPromises,
  SHUT_WR,
  shutdown,
} from '@vfio-user/posix-ffi';
import { lost, readsNoMore } from './close-reason.js';
import { fileDescriptors } from './descriptors.js';
import { ReceiveLoop, type ReceiveSource } from './receive-loop.js';
import { Sender } from './sender.js';

/** What a port is made of besides its socket. */
export interface SocketPortParts {
  /** For logs. */
  readonly peer: string;
  readonly resources: SharedResources | undefined;
  /** Longest busy polling for the next message, microseconds; 0: none. */
  readonly maxSpinUs: number;
  /**
   * Across a network, a segment costs more than a copy: messages of one turn leave together. And a
   * close takes back what was sent if something is left unread: it waits for the end of the peer.
   */
  readonly network: boolean;
  /** Runs when the socket is closed. */
  onClosed?(): void;
}

/** The bytes of a connected stream socket, which it owns. */
export class SocketPort implements StreamPort {
  readonly resources: SharedResources | undefined;
  readonly gathers: boolean;
  readonly #parts: SocketPortParts;
  readonly #events: StreamEvents;
  readonly #socket: FileDescriptor;
  readonly #messages: MessageSocket;
  readonly #poller: Poller;
  readonly #sender: Sender;
  readonly #loop: ReceiveLoop;
  /** The assembler's buffer, and where it is. */
  #bytes: Uint8Array | undefined;
  #address = 0;
  #receives = false;
  #started = false;
  #destroyed = false;
  /** The peer sends nothing more. */
  #ended = false;
  /** Error, once the peer accepts no more data. */
  #deaf: Error | undefined;

  constructor(socket: FileDescriptor, parts: SocketPortParts, events: StreamEvents) {
    this.resources = parts.resources;
    this.gathers = parts.network;
    this.#parts = parts;
    this.#events = events;
    this.#socket = socket;
    this.#messages = new MessageSocket(socket);
    this.#sender = new Sender(this.#messages);
    // Between processes of one machine the next message is often there already.
    const followsUp = pollersRunPromises && !parts.network;
    this.#loop = new ReceiveLoop(this.#source(), parts.maxSpinUs, followsUp);
    this.#poller = new Poller(socket, (readable, writable) => this.#onReady(readable, writable));
  }

  get queuedBytes(): number {
    return this.#sender.queuedBytes;
  }

  start(): void {
    this.#started = true;
    this.#receives = true;
    this.#watch();
  }

  send(
    head: Uint8Array,
    data: Uint8Array,
    descriptors: readonly Descriptor[],
    more: boolean,
  ): void {
    if (this.#deaf !== undefined) {
      closeAll(descriptors);
      return;
    }
    const files = fileDescriptors(descriptors);
    try {
      this.#sender.send(head, data, files, more);
    } catch (error) {
      closeAll(files);
      this.#onSendFailure(error);
    }
    if (this.#sender.queuedBytes > 0) this.#watch();
  }

  push(): void {
    this.#transmit('push');
    if (this.#sender.queuedBytes > 0) this.#watch();
  }

  read(): boolean {
    return false;
  }

  pause(): void {
    this.#receives = false;
    this.#watch();
  }

  resume(): void {
    if (this.#receives || this.#ended) return;
    this.#receives = true;
    this.#watch();
    this.#loop.schedule();
  }

  end(): void {
    // Between processes of one machine, what was sent can be received also after a close.
    if (!this.#parts.network) {
      this.#events.onEnd();
      return;
    }
    try {
      shutdown(this.#socket, SHUT_WR);
    } catch {
      // The peer is gone already.
      this.#events.onEnd();
    }
  }

  destroy(): void {
    this.#destroyed = true;
    this.#receives = false;
    this.#poller.close();
    this.#socket.close();
    this.#sender.clear();
    this.#parts.onClosed?.();
  }

  #onReady(readable: boolean, writable: boolean): void {
    if (writable && this.#sender.queuedBytes > 0) this.#flush();
    if (readable) this.#loop.onReady();
    // A poller that reported an error watches no more.
    this.#watch();
  }

  #source(): ReceiveSource {
    const port = this;
    return {
      get receives() {
        return port.#receives;
      },
      get awaitsEnd() {
        return port.#deaf !== undefined;
      },
      receive: () => port.#receive(),
      push: () => port.push(),
    };
  }

  /** One attempt. Returns whether there was something. */
  #receive(): boolean {
    if (!this.#receives) return false;
    const { assembler } = this.#events;
    let count: number;
    try {
      count = this.#call(assembler);
      if (count > 0) {
        this.#loop.arrived();
        assembler.commit(count, this.#messages.takeDescriptors());
      }
    } catch (error) {
      this.#events.onGone(lost(this.#parts.peer, 'receive from', error));
      return false;
    }
    if (count > 0) {
      this.#events.onReceived();
      return true;
    }
    if (count === 0) {
      this.#onEnd();
      return true;
    }
    // A peer that left would have ended the stream: this one only shut down reading.
    if (this.#deaf !== undefined) this.#events.onGone(readsNoMore(this.#parts.peer));
    return false;
  }

  /** One system call, which never waits: the kernel writes straight into the assembler's buffer. */
  #call(assembler: ReceiveBuffer): number {
    assembler.reserve();
    if (assembler.bytes !== this.#bytes) this.#locate(assembler.bytes);
    try {
      return this.#messages.receive(this.#address + assembler.end, assembler.space);
    } catch (error) {
      // A peer that closed before it read everything still ended its own stream in an orderly way,
      // as it is between processes of one machine.
      if (!this.#parts.network && errorCode(error) === 'ECONNRESET') return 0;
      throw error;
    }
  }

  #locate(bytes: Uint8Array): void {
    // A handler that transferred it to a worker would leave the kernel writing into freed memory.
    markAsUntransferable(bytes.buffer);
    this.#bytes = bytes;
    this.#address = addressOf(bytes);
  }

  #onEnd(): void {
    this.#ended = true;
    this.#receives = false;
    this.#watch();
    this.#events.onEnd(this.#parts.network ? this.#deaf : undefined);
  }

  #flush(): void {
    const before = this.#sender.queuedBytes;
    this.#transmit('flush');
    this.#watch();
    this.#events.onSent(before - this.#sender.queuedBytes);
  }

  #transmit(how: 'push' | 'flush'): void {
    try {
      this.#sender[how]();
    } catch (error) {
      this.#onSendFailure(error);
    }
  }

  #onSendFailure(error: unknown): void {
    this.#sender.clear();
    const reason = lost(this.#parts.peer, 'send to', error);
    const code = errorCode(error);
    if (code !== 'EPIPE' && code !== 'ECONNRESET') {
      this.#events.onGone(reason);
      return;
    }
    // Data sent before the peer left can still be received, then the end of the stream.
    this.#deaf = reason;
    if (this.#events.paused || this.#events.state === 'closing') this.#events.onGone();
    else this.#loop.schedule();
  }

  #watch(): void {
    if (this.#started && !this.#destroyed)
      this.#poller.watch(this.#receives, this.#sender.queuedBytes > 0);
  }
}
