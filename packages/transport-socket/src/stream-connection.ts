import type {
  Descriptor,
  FrameSink,
  SharedResources,
  TransportCapabilities,
} from '@vfio-user/core';
import {
  errorCode,
  type NewConnection,
  type Opening,
  OpeningPhase,
} from '@vfio-user/core/internal';
import { type FileDescriptor, MessageSocket, Poller } from '@vfio-user/posix-ffi';
import { cutOff, leavesUnread, lost, readsNoMore } from './close-reason.js';
import { closeAll, fileDescriptors } from './descriptors.js';
import { Farewell } from './farewell.js';
import { OnceLater } from './once-later.js';
import type { StreamConnectionParts, StreamSettings } from './parts.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';
import { SpinBudget } from './spin-budget.js';

/** Attempts to receive per turn of the event loop while waiting actively. */
const ATTEMPTS_PER_TURN = 2;

/** Frames over a connected stream socket, which it owns. */
export class StreamConnection implements NewConnection {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  readonly #parts: StreamConnectionParts;
  readonly #settings: StreamSettings;
  readonly #socket: FileDescriptor;
  readonly #poller: Poller;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #spin: SpinBudget;
  /** Between two turns of the event loop. */
  readonly #nextTurn = new OnceLater(setImmediate, () => this.#onTurn());
  /** At the end of this turn: everything that is sent until then leaves as one piece. */
  readonly #turnEnd = new OnceLater(process.nextTick, () => this.#push());
  #opening: OpeningPhase | undefined;
  #sink: FrameSink | undefined;
  #state: 'new' | 'open' | 'closing' | 'closed' = 'new';
  #closeError: Error | undefined;
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #farewell: Farewell | undefined;
  #paused = false;
  /** A pause left messages in the buffer: there may be no room to receive before they are out. */
  #holdsBack = false;
  /** The peer sends nothing more. */
  #ended = false;
  /** Why the peer takes nothing more. */
  #deaf: Error | undefined;
  #owesDrain = false;
  #delivering = false;
  /** Bytes that left after the peer had let them wait. */
  #takenLater = 0;

  constructor(socket: FileDescriptor, parts: StreamConnectionParts) {
    const { peer, capabilities, resources, framing, settings, network } = parts;
    this.peer = peer;
    this.capabilities = capabilities;
    this.resources = resources;
    this.#parts = parts;
    this.#settings = settings;
    this.#socket = socket;
    const messages = new MessageSocket(socket);
    const { maxDescriptors } = capabilities;
    const limits = { maxFrameBytes: settings.maxFrameBytes, maxDescriptors };
    this.#receiver = new Receiver(messages, framing, limits, !network);
    this.#sender = new Sender(messages);
    this.#spin = new SpinBudget(settings.maxSpinUs);
    this.#poller = new Poller(socket, (readable, writable) => this.#onReady(readable, writable));
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get bytesMoved(): number {
    return this.#receiver.receivedBytes + this.#takenLater;
  }

  open(opening: Opening): void {
    this.#state = 'open';
    this.#opening = new OpeningPhase(this.peer, opening, (error) => this.#end(error));
    const { greeting } = this.#opening;
    if (greeting === undefined) this.#advance();
    else this.send(greeting);
    this.#watch();
  }

  send(
    head: Uint8Array,
    data: Uint8Array = NO_BYTES,
    descriptors: readonly Descriptor[] = NO_DESCRIPTORS,
  ): boolean {
    if (this.#state !== 'open' || this.#deaf !== undefined) {
      closeAll(descriptors);
      return true;
    }
    const files = fileDescriptors(descriptors, this.capabilities.maxDescriptors);
    try {
      this.#sender.send(head, data, files, this.#moreFollows());
    } catch (error) {
      closeAll(files);
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
    this.#nextTurn.schedule();
  }

  close(): Promise<void> {
    if (this.#state === 'open' || this.#state === 'new') {
      this.#state = 'closing';
      this.#farewell = new Farewell(this.#parts, {
        socket: this.#socket,
        sender: this.#sender,
        receiver: this.#receiver,
        end: (error) => this.#end(error),
      });
      this.#push();
      this.#farewell.onSent(this.#ended);
      this.#watch();
    }
    return this.#closed;
  }

  abort(reason: Error): void {
    this.#end(reason);
  }

  /** Whether a message may wait because it is pushed soon: at the end of the batch or the turn. */
  #moreFollows(): boolean {
    if (this.#delivering) return true;
    if (this.#parts.network) this.#turnEnd.schedule();
    return this.#parts.network;
  }

  #onReady(readable: boolean, writable: boolean): void {
    if (writable && this.#sender.queuedBytes > 0) this.#flush();
    if (this.#farewell?.awaitsEnd) this.#farewell.onReadable();
    else if (readable && this.#receive()) this.#awaitNext();
  }

  /**
   * Wait actively for the next message. Everything else, also what the handler of the last message
   * started, gets its turn between the attempts.
   */
  #onTurn(): void {
    if (this.#receiver.pendingBytes > 0 || this.#ended) this.#deliver();
    for (let attempt = 0; attempt < ATTEMPTS_PER_TURN; attempt++) {
      if (this.#receive()) break;
    }
    this.#awaitNext();
  }

  #awaitNext(): void {
    if (this.#canReceive() && (this.#deaf || this.#spin.pays(performance.now())))
      this.#nextTurn.schedule();
  }

  #canReceive(): boolean {
    return this.#state === 'open' && !this.#paused && !this.#holdsBack && !this.#ended;
  }

  /** One attempt. Returns whether there was something. */
  #receive(): boolean {
    if (!this.#canReceive()) return false;
    try {
      const received = this.#receiver.receive();
      if (received === 'nothing') {
        // A peer that left would have ended the stream: this one only stopped reading.
        if (this.#deaf !== undefined) this.#end(readsNoMore(this.peer));
        return false;
      }
      if (received === 'end') this.#ended = true;
      else this.#spin.arrived(performance.now());
    } catch (error) {
      this.#end(lost(this.peer, 'receive from', error));
      return false;
    }
    this.#deliver();
    return true;
  }

  #deliver(): void {
    this.#delivering = true;
    try {
      if (this.#sink === undefined) this.#advance();
      while (this.#sink !== undefined && this.#state === 'open' && !this.#paused) {
        const frame = this.#receiver.next();
        if (frame === undefined) break;
        this.#sink.onFrame(frame);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
    this.#delivering = false;
    this.#holdsBack = this.#paused && this.#receiver.pendingBytes > 0;
    this.#push();
    if (this.#ended && this.#state === 'open' && !this.#paused) this.#onEndOfStream();
    else this.#watch();
  }

  /** Frames begin once the handshake is complete. */
  #advance(): void {
    const sink = this.#opening?.advance(this.#receiver, (answer) => this.send(answer));
    if (sink === undefined) return;
    this.#opening = undefined;
    this.#sink = sink;
    // It may have been ended by whoever was asked for the sink.
    if (this.#state === 'closed') this.#reportClose(sink);
  }

  #onEndOfStream(): void {
    const { pendingBytes } = this.#receiver;
    if (pendingBytes > 0 && this.#sink !== undefined) this.#end(cutOff(this.peer, pendingBytes));
    else this.#end(this.#parts.network ? this.#deaf : undefined);
  }

  /** Send what waited for the rest of its batch. */
  #push(): void {
    this.#transmit('push');
    if (this.#sender.queuedBytes > 0) this.#watch();
  }

  #flush(): void {
    const before = this.#sender.queuedBytes;
    this.#transmit('flush');
    this.#takenLater += before - this.#sender.queuedBytes;
    this.#farewell?.onSent(this.#ended);
    this.#watch();
    if (this.#owesDrain && this.#sender.queuedBytes <= this.#settings.lowWaterBytes) {
      this.#owesDrain = false;
      if (this.#state === 'open') this.#sink?.onDrain();
    }
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
    const reason = lost(this.peer, 'send to', error);
    const code = errorCode(error);
    if (code !== 'EPIPE' && code !== 'ECONNRESET') {
      this.#end(reason);
      return;
    }
    // What the peer sent before it left can still be received, and then the end of the stream.
    this.#deaf = reason;
    if (this.#paused || this.#state === 'closing') this.#end(undefined);
    else this.#nextTurn.schedule();
  }

  #watch(): void {
    if (this.#state === 'new' || this.#state === 'closed') return;
    const readable = this.#canReceive() || this.#farewell?.awaitsEnd === true;
    this.#poller.watch(readable, this.#sender.queuedBytes > 0);
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#closeError = error;
    this.#farewell?.stop();
    this.#poller.close();
    this.#socket.close();
    this.#sender.clear();
    this.#receiver.release();
    this.#resolveClosed();
    this.#parts.onClosed?.();
    if (this.#sink !== undefined) this.#reportClose(this.#sink);
    else this.#opening?.fail(error);
  }

  /** Later, so that no call into the connection calls back before it returned. */
  #reportClose(sink: FrameSink): void {
    queueMicrotask(() => sink.onClose(this.#closeError));
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_DESCRIPTORS: readonly Descriptor[] = Object.freeze([]);
