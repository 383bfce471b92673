import type {
  Connection,
  Descriptor,
  FrameSink,
  Framing,
  SharedResources,
  TransportCapabilities,
} from '@vfio-user/core';
import { type Opening, OpeningPhase } from '@vfio-user/core/internal';
import { SHUT_WR } from '../constants.js';
import type { FileDescriptor } from '../file-descriptor.js';
import { MessageSocket } from '../message-socket.js';
import { Poller } from '../poller.js';
import { shutdown } from '../socket.js';
import { closeTimedOut, cutOff, leavesUnread, lost, readsNoMore } from './close-reason.js';
import { closeAll, fileDescriptors } from './descriptors.js';
import { Receiver } from './receiver.js';
import { Sender } from './sender.js';
import { SpinBudget } from './spin-budget.js';
import { errorCode } from './system-failure.js';

/** Attempts to receive per turn of the event loop while waiting actively. */
const ATTEMPTS_PER_TURN = 2;

/** What can be tuned about a connection. */
export interface StreamSettings {
  readonly maxFrameBytes: number;
  readonly highWaterBytes: number;
  readonly lowWaterBytes: number;
  readonly maxQueuedBytes: number;
  readonly closeTimeoutMs: number;
  readonly maxSpinUs: number;
}

/** What a connection is made of besides its socket. */
export interface StreamConnectionParts {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  readonly framing: Framing;
  readonly settings: StreamSettings;
  /**
   * Across a network, a segment costs more than a copy: messages of one turn leave together. And a
   * close takes back what was sent if something is left unread: it waits for the end of the peer.
   */
  readonly network: boolean;
  /** Runs when the socket is closed. */
  onClosed?(): void;
}

/** Frames over a connected stream socket, which it owns. */
export class StreamConnection implements Connection {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  readonly #parts: StreamConnectionParts;
  readonly #settings: StreamSettings;
  readonly #network: boolean;
  readonly #headerBytes: number;
  readonly #socket: FileDescriptor;
  readonly #poller: Poller;
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #spin: SpinBudget;
  #opening: OpeningPhase | undefined;
  #sink: FrameSink | undefined;
  /** `ending`: everything has left, the end of the peer is awaited. */
  #state: 'new' | 'open' | 'closing' | 'ending' | 'closed' = 'new';
  #closeError: Error | undefined;
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #closeTimer: NodeJS.Timeout | undefined;
  #paused = false;
  /** The peer sends nothing more. */
  #ended = false;
  /** Why the peer takes nothing more. */
  #deaf: Error | undefined;
  #owesDrain = false;
  #delivering = false;
  #turnScheduled = false;
  #pushScheduled = false;

  constructor(socket: FileDescriptor, parts: StreamConnectionParts) {
    const { peer, capabilities, resources, framing, settings, network } = parts;
    this.peer = peer;
    this.capabilities = capabilities;
    this.resources = resources;
    this.#parts = parts;
    this.#settings = settings;
    this.#network = network;
    this.#headerBytes = framing.headerBytes;
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

  /** Begin, with the handshake if there is one. Call it once. */
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
    const files =
      descriptors.length === 0
        ? NO_DESCRIPTORS
        : fileDescriptors(descriptors, this.capabilities.maxDescriptors);
    if (this.#state !== 'open' || this.#deaf !== undefined) {
      closeAll(files);
      return true;
    }
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
    this.#scheduleTurn();
  }

  close(): Promise<void> {
    if (this.#state === 'open' || this.#state === 'new') {
      this.#state = 'closing';
      this.#push();
      this.#finishClosing();
    }
    return this.#closed;
  }

  abort(reason: Error): void {
    this.#end(reason);
  }

  /** Whether a message may wait because something follows that pushes it. */
  #moreFollows(): boolean {
    if (this.#delivering) {
      // More messages of the same batch wait to be handled: their answers can leave together.
      return this.#network || this.#receiver.pendingBytes >= this.#headerBytes;
    }
    if (this.#network && !this.#pushScheduled) {
      this.#pushScheduled = true;
      process.nextTick(this.#onTurnEnd);
    }
    return this.#network;
  }

  readonly #onTurnEnd = (): void => {
    this.#pushScheduled = false;
    if (this.#state === 'open') this.#push();
  };

  #onReady(readable: boolean, writable: boolean): void {
    if (writable && this.#sender.queuedBytes > 0) this.#flush();
    if (this.#state === 'ending') this.#awaitEnd();
    else if (readable && this.#receive()) this.#awaitNext();
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
    if (this.#canReceive() && this.#spin.pays(performance.now())) this.#scheduleTurn();
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
    this.#push();
    if (this.#ended && this.#state === 'open' && !this.#paused) this.#onEndOfStream();
    else this.#watch();
  }

  /** Frames begin once the handshake is complete. */
  #advance(): void {
    const sink = this.#opening?.advance(this.#receiver);
    if (sink === undefined) return;
    this.#opening = undefined;
    this.#sink = sink;
    // It may have been ended by whoever was asked for the sink.
    if (this.#state === 'closed') this.#reportClose(sink);
  }

  #onEndOfStream(): void {
    const { pendingBytes } = this.#receiver;
    if (pendingBytes > 0 && this.#sink !== undefined) this.#end(cutOff(this.peer, pendingBytes));
    else this.#end(this.#network ? this.#deaf : undefined);
  }

  /** Send what waited for the rest of its batch. */
  #push(): void {
    try {
      this.#sender.push();
    } catch (error) {
      this.#onSendFailure(error);
    }
    if (this.#sender.queuedBytes > 0) this.#watch();
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
    const reason = lost(this.peer, 'send to', error);
    const code = errorCode(error);
    if (code !== 'EPIPE' && code !== 'ECONNRESET') {
      this.#end(reason);
      return;
    }
    // What the peer sent before it left can still be received, and then the end of the stream.
    this.#deaf = reason;
    if (this.#paused || this.#state === 'closing') this.#end(undefined);
  }

  /** Send the rest, then end. */
  #finishClosing(): void {
    const { closeTimeoutMs } = this.#settings;
    const { queuedBytes } = this.#sender;
    if (queuedBytes === 0 && (!this.#network || this.#ended)) {
      this.#end(undefined);
      return;
    }
    this.#closeTimer ??= setTimeout(() => {
      const left = this.#sender.queuedBytes;
      this.#end(left === 0 ? undefined : closeTimedOut(this.peer, left, closeTimeoutMs));
    }, closeTimeoutMs);
    if (queuedBytes === 0) this.#sayEnd();
    this.#watch();
  }

  #sayEnd(): void {
    this.#state = 'ending';
    try {
      shutdown(this.#socket, SHUT_WR);
    } catch {
      // The peer is gone already.
      this.#end(undefined);
    }
  }

  /** Everything was said: what the peer still sends does not matter, only that it is over. */
  #awaitEnd(): void {
    try {
      if (this.#receiver.discard() === 'end') this.#end(undefined);
    } catch {
      this.#end(undefined);
    }
  }

  #watch(): void {
    if (this.#state === 'new' || this.#state === 'closed') return;
    const readable = this.#canReceive() || this.#state === 'ending';
    this.#poller.watch(readable, this.#sender.queuedBytes > 0);
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
const NO_DESCRIPTORS: readonly FileDescriptor[] = Object.freeze([]);
