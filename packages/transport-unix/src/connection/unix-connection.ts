import type {
  Connection,
  Descriptor,
  FrameSink,
  Framing,
  SharedResources,
  TransportCapabilities,
} from '@vfio-user/core';
import { type FileDescriptor, MessageSocket, Poller } from '@vfio-user/posix-ffi';
import { closeAll, fileDescriptors } from '../descriptors.js';
import type { Settings } from '../options.js';
import { errorCode, systemFailure } from '../system-failure.js';
import { closeTimedOut, cutOff, leavesUnread, readsNoMore } from './close-reason.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';
import { SpinBudget } from './spin-budget.js';

/** Attempts to receive per turn of the event loop while waiting actively. */
const ATTEMPTS_PER_TURN = 2;

/** What a connection is made of besides its socket. */
export interface ConnectionParts {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources;
  readonly framing: Framing;
  readonly settings: Settings;
}

/** Frames over a connected AF_UNIX stream socket, which it owns. */
export class UnixConnection implements Connection {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources;
  readonly #settings: Settings;
  readonly #headerBytes: number;
  readonly #socket: FileDescriptor;
  readonly #poller: Poller;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #spin: SpinBudget;
  #sink: FrameSink | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeError: Error | undefined;
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #closeTimer: NodeJS.Timeout | undefined;
  #paused = false;
  /** The peer sends nothing more. */
  #ended = false;
  /** The peer takes nothing more. */
  #deaf = false;
  #owesDrain = false;
  #delivering = false;
  #turnScheduled = false;

  constructor(socket: FileDescriptor, parts: ConnectionParts) {
    const { peer, capabilities, resources, framing, settings } = parts;
    this.peer = peer;
    this.capabilities = capabilities;
    this.resources = resources;
    this.#settings = settings;
    this.#headerBytes = framing.headerBytes;
    this.#socket = socket;
    const messages = new MessageSocket(socket);
    this.#receiver = new Receiver(messages, framing, {
      maxFrameBytes: settings.maxFrameBytes,
      maxDescriptors: capabilities.maxDescriptors,
    });
    this.#sender = new Sender(messages);
    this.#spin = new SpinBudget(settings.maxSpinUs);
    this.#poller = new Poller(socket, (readable, writable) => this.#onReady(readable, writable));
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Start delivering to `sink`. */
  open(sink: FrameSink): void {
    this.#sink = sink;
    if (this.#state === 'closed') this.#reportClose(sink);
    else this.#watch();
  }

  send(
    head: Uint8Array,
    data: Uint8Array = NO_BYTES,
    descriptors: readonly Descriptor[] = NO_DESCRIPTORS,
  ): boolean {
    if (this.#state !== 'open' || this.#deaf) {
      closeAll(descriptors);
      return true;
    }
    const files =
      descriptors.length === 0
        ? NO_DESCRIPTORS
        : fileDescriptors(descriptors, this.capabilities.maxDescriptors);
    // More messages of the same batch wait to be handled: their answers can leave together.
    const more = this.#delivering && this.#receiver.pendingBytes >= this.#headerBytes;
    try {
      this.#sender.send(head, data, files, more);
    } catch (error) {
      closeAll(descriptors);
      this.#onSendFailure(error);
      return true;
    }
    const { queuedBytes } = this.#sender;
    if (queuedBytes === 0) return true;
    if (queuedBytes > this.#settings.maxQueuedBytes) {
      this.#end(leavesUnread(this.peer, queuedBytes));
      return true;
    }
    this.#watch();
    if (queuedBytes <= this.#settings.highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
    this.#watch();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#watch();
    // Messages received before the pause are still in the buffer.
    this.#scheduleTurn();
  }

  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#push();
      this.#finishClosing();
    }
    return this.#closed;
  }

  abort(reason: Error): void {
    this.#end(reason);
  }

  #onReady(readable: boolean, writable: boolean): void {
    if (writable && this.#sender.queuedBytes > 0) this.#flush();
    if (readable && this.#receive()) this.#awaitNext();
  }

  /**
   * Between two turns of the event loop: wait actively for the next message. Everything else, also
   * what the handler of the last message started, gets its turn between the attempts.
   */
  readonly #onTurn = (): void => {
    this.#turnScheduled = false;
    if (this.#receiver.pendingBytes > 0 || this.#ended) this.#deliver();
    for (let attempt = 0; attempt < ATTEMPTS_PER_TURN; attempt++) {
      if (this.#receive()) break;
    }
    this.#awaitNext();
  };

  #awaitNext(): void {
    if (this.#canReceive() && (this.#deaf || this.#spin.pays(performance.now()))) {
      this.#scheduleTurn();
    }
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(this.#onTurn);
  }

  #canReceive(): boolean {
    return this.#state === 'open' && !this.#paused && !this.#ended;
  }

  /** One attempt. Returns whether there was something. */
  #receive(): boolean {
    if (!this.#canReceive()) return false;
    try {
      const received = this.#receiver.receive();
      if (received === 'nothing') {
        // A peer that left would have ended the stream: this one only stopped reading.
        if (this.#deaf) this.#end(readsNoMore(this.peer));
        return false;
      }
      if (received === 'end') this.#ended = true;
      else this.#spin.arrived(performance.now());
    } catch (error) {
      this.#end(systemFailure(`cannot receive from ${this.peer}`, error));
      return false;
    }
    this.#deliver();
    return true;
  }

  #deliver(): void {
    this.#delivering = true;
    try {
      while (this.#state === 'open' && !this.#paused) {
        const frame = this.#receiver.next();
        if (frame === undefined) break;
        // Nothing is received before open() brought the sink.
        this.#sink!.onFrame(frame);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
    this.#delivering = false;
    this.#push();
    if (this.#ended && this.#state === 'open' && !this.#paused) {
      const { pendingBytes } = this.#receiver;
      this.#end(pendingBytes === 0 ? undefined : cutOff(this.peer, pendingBytes));
    } else {
      this.#watch();
    }
  }

  /** Send what waited for the rest of its batch. */
  #push(): void {
    try {
      this.#sender.push();
    } catch (error) {
      this.#onSendFailure(error);
    }
  }

  #flush(): void {
    try {
      this.#sender.flush();
    } catch (error) {
      this.#onSendFailure(error);
    }
    if (this.#state === 'closing') {
      this.#finishClosing();
      return;
    }
    this.#watch();
    if (this.#owesDrain && this.#sender.queuedBytes <= this.#settings.lowWaterBytes) {
      this.#owesDrain = false;
      if (this.#state === 'open') this.#sink?.onDrain();
    }
  }

  #onSendFailure(error: unknown): void {
    this.#sender.clear();
    const code = errorCode(error);
    if (code !== 'EPIPE' && code !== 'ECONNRESET') {
      this.#end(systemFailure(`cannot send to ${this.peer}`, error));
      return;
    }
    // What the peer sent before it left can still be received, and then the end of the stream.
    this.#deaf = true;
    if (this.#paused || this.#state === 'closing') this.#end(undefined);
    else this.#scheduleTurn();
  }

  /** Send the rest, then end. */
  #finishClosing(): void {
    const { queuedBytes } = this.#sender;
    if (queuedBytes === 0) {
      this.#end(undefined);
      return;
    }
    this.#watch();
    const { closeTimeoutMs } = this.#settings;
    this.#closeTimer ??= setTimeout(
      () => this.#end(closeTimedOut(this.peer, this.#sender.queuedBytes, closeTimeoutMs)),
      closeTimeoutMs,
    );
  }

  #watch(): void {
    if (this.#state === 'closed' || this.#sink === undefined) return;
    this.#poller.watch(this.#canReceive(), this.#sender.queuedBytes > 0);
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#closeError = error;
    clearTimeout(this.#closeTimer);
    this.#poller.close();
    this.#socket.close();
    this.#sender.clear();
    this.#receiver.release();
    this.#resolveClosed();
    if (this.#sink !== undefined) this.#reportClose(this.#sink);
  }

  /** Later, so that no call into the connection calls back before it returned. */
  #reportClose(sink: FrameSink): void {
    queueMicrotask(() => sink.onClose(this.#closeError));
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_DESCRIPTORS: readonly FileDescriptor[] = Object.freeze([]);
