import { deferred } from '../deferred.js';
import { cannotPass, closeTimedOut, cutOff, leavesUnread } from './connection-errors.js';
import type { ConnectionLimits } from './connection-options.js';
import { FrameAssembler } from './frame-assembler.js';
import type { OneSidedMemory } from './one-sided.js';
import { type Opening, OpeningPhase } from './opening.js';
import { closeAll, type Descriptor, NO_DESCRIPTORS, type SharedResources } from './resources.js';
import { ScheduledTask } from './scheduled-task.js';
import type { ConnectionState, PortFactory, StreamEvents, StreamPort } from './stream-port.js';
import type {
  Connection,
  FrameSink,
  Framing,
  PeerIdentity,
  TransportCapabilities,
} from './transport.js';

/** Parts of a {@link FramedConnection}. */
export interface FramedConnectionParts {
  /** For logs. */
  readonly peer: string;
  readonly identity?: PeerIdentity | undefined;
  readonly capabilities: TransportCapabilities;
  readonly framing: Framing;
  readonly limits: ConnectionLimits;
  /** Creates the port, which belongs to the connection. */
  readonly port: PortFactory;
}

/**
 * Frames over a byte stream: the state machine of all connections. It is `new` until {@link open},
 * `opening` during the handshake, then `open`; `closing` from {@link close} until what was queued
 * is sent and the peer has ended its side; finally `ended`.
 */
export class FramedConnection implements Connection, StreamEvents {
  readonly peer: string;
  readonly identity: PeerIdentity | undefined;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  readonly oneSided: OneSidedMemory | undefined;
  readonly assembler: FrameAssembler;
  readonly #limits: ConnectionLimits;
  readonly #port: StreamPort;
  readonly #closed = deferred();
  /** Everything sent within a turn of the event loop leaves in one write. */
  readonly #turnEnd = new ScheduledTask(process.nextTick, () => this.#push());
  /** Deferred, so that no frame is delivered within `resume()`. */
  readonly #resumption = new ScheduledTask(setImmediate, () => this.#resumeReceiving());
  #state: ConnectionState = 'new';
  #opening: OpeningPhase | undefined;
  #sink: FrameSink | undefined;
  #paused = false;
  /** Received frames are being delivered. */
  #delivering = false;
  /** `send()` returned `false`, and `onDrain()` was not called since. */
  #owesDrain = false;
  /** Bytes that were sent after waiting for the peer. */
  #takenLater = 0;
  /** The peer has ended its side. */
  #peerEnded = false;
  #endReason: Error | undefined;
  /** Our side was ended. */
  #endSent = false;
  #closeTimer: NodeJS.Timeout | undefined;
  #closeError: Error | undefined;
  /** The port has released everything. */
  #released = false;

  constructor({ peer, identity, capabilities, framing, limits, port }: FramedConnectionParts) {
    this.peer = peer;
    this.identity = identity;
    this.capabilities = capabilities;
    this.#limits = limits;
    const { maxFrameBytes } = limits;
    const { maxDescriptors } = capabilities;
    this.assembler = new FrameAssembler(framing, { maxFrameBytes, maxDescriptors });
    this.#port = port(this);
    this.resources = this.#port.resources;
    this.oneSided = this.#port.oneSided;
  }

  get bytesMoved(): number {
    return this.assembler.receivedBytes + this.#takenLater;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Start, with the handshake if there is one. Call it once. */
  open(opening: Opening): void {
    this.#state = 'opening';
    this.#opening = new OpeningPhase(this.peer, opening, (error) => this.#end(error));
    const { greeting } = this.#opening;
    if (greeting === undefined) this.#advance();
    else this.send(greeting);
    if (this.state === 'ended') return;
    this.#port.start();
    if (this.#paused && !this.#isOver) this.#port.pause();
  }

  send(
    head: Uint8Array,
    data: Uint8Array = NO_BYTES,
    descriptors: readonly Descriptor[] = NO_DESCRIPTORS,
  ): boolean {
    if (this.#state !== 'open' && this.#state !== 'opening') {
      closeAll(descriptors);
      return true;
    }
    try {
      if (descriptors.length > this.capabilities.maxDescriptors) {
        throw cannotPass(descriptors.length, this.capabilities);
      }
      this.#port.send(head, data, descriptors, this.#moreFollows());
    } catch (error) {
      closeAll(descriptors);
      throw error;
    }
    const { queuedBytes } = this.#port;
    if (queuedBytes <= this.#limits.highWaterBytes) return true;
    if (queuedBytes > this.#limits.maxQueuedBytes) {
      this.#end(leavesUnread(this.peer, queuedBytes));
      return true;
    }
    this.#owesDrain = true;
    return false;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    if (!this.#isOver) this.#port.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#resumption.schedule();
  }

  close(): Promise<void> {
    if (this.#state === 'new') {
      this.#end(undefined);
    } else if (!this.#isOver) {
      this.#state = 'closing';
      this.#closeTimer = setTimeout(() => this.#onCloseTimeout(), this.#limits.closeTimeoutMs);
      // What is received is dropped from now on.
      if (!this.#delivering) this.#discardReceived();
      this.#port.resume();
      this.#push();
      this.#finishClosing();
    }
    return this.#closed.promise;
  }

  abort(reason: Error): void {
    this.#end(reason);
  }

  onReceived(): void {
    // Bytes received while frames are delivered are processed afterwards.
    if (this.#delivering) return;
    if (this.#state === 'closing') this.#discardReceived();
    else if (!this.#paused && !this.#isOver) this.#deliver();
  }

  onSent(waitedBytes = this.#owesDrain ? 1 : 0): void {
    this.#takenLater += waitedBytes;
    if (this.#state === 'closing') this.#finishClosing();
    if (!this.#owesDrain || this.#port.queuedBytes > this.#limits.lowWaterBytes) return;
    this.#owesDrain = false;
    if (this.#state === 'open') this.#sink?.onDrain();
  }

  onEnd(reason?: Error): void {
    this.#peerEnded = true;
    this.#endReason = reason;
    this.assembler.finish();
    if (this.#state === 'closing') this.#finishClosing();
    else if (!this.#paused && !this.#isOver && !this.#delivering) this.#deliver();
  }

  onGone(error?: Error): void {
    // After our side was ended, an error does not matter.
    this.#end(this.#endSent ? undefined : error);
  }

  /** Closing, or closed. */
  get #isOver(): boolean {
    return this.#state === 'closing' || this.#state === 'ended';
  }

  /** Whether a frame may wait for `push` at the end of the batch or turn. */
  #moreFollows(): boolean {
    if (this.#delivering) return true;
    if (this.#port.gathers) this.#turnEnd.schedule();
    return this.#port.gathers;
  }

  #push(): void {
    if (this.#state !== 'ended') this.#port.push();
  }

  #resumeReceiving(): void {
    if (this.#paused || this.#isOver) return;
    // Deliver what was received before the pause.
    this.#deliver();
    if (!this.#paused && !this.#isOver) this.#port.resume();
  }

  /** Deliver the complete frames; the replies leave in one write. */
  #deliver(): void {
    this.#delivering = true;
    try {
      do {
        if (this.#state === 'opening') this.#advance();
        while (this.#state === 'open' && !this.#paused) {
          const frame = this.assembler.next();
          if (frame === undefined) break;
          this.#sink?.onFrame(frame);
        }
      } while (!this.#paused && !this.#isOver && this.#port.read(this.assembler));
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
    this.#delivering = false;
    if (this.#state === 'closing') this.#discardReceived();
    this.#push();
    if (this.#peerEnded && !this.#paused && !this.#isOver) this.#onEndOfStream();
  }

  /** Frames start once the handshake is complete. */
  #advance(): void {
    const sink = this.#opening?.advance(this.assembler, (answer) => this.send(answer));
    if (sink === undefined) return;
    this.#opening = undefined;
    this.#sink = sink;
    if (this.#state === 'opening') this.#state = 'open';
    // `accept` may have ended the connection.
    if (this.#released) this.#reportClose(sink);
  }

  #onEndOfStream(): void {
    const { pendingBytes } = this.assembler;
    const isCutOff = pendingBytes > 0 && this.#state === 'open';
    this.#end(isCutOff ? cutOff(this.peer, pendingBytes) : this.#endReason);
  }

  #discardReceived(): void {
    do this.assembler.discard();
    while (this.#port.read(this.assembler));
  }

  /** Once everything is sent, end our side and wait for the peer's end. */
  #finishClosing(): void {
    if (this.#state !== 'closing' || this.#port.queuedBytes > 0) return;
    if (this.#peerEnded) {
      this.#end(undefined);
    } else if (!this.#endSent) {
      this.#endSent = true;
      this.#port.end();
    }
  }

  #onCloseTimeout(): void {
    const { queuedBytes } = this.#port;
    const { closeTimeoutMs } = this.#limits;
    // Everything was sent: a missing end of the peer does not matter.
    this.#end(
      queuedBytes === 0 ? undefined : closeTimedOut(this.peer, queuedBytes, closeTimeoutMs),
    );
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#closeError = error;
    clearTimeout(this.#closeTimer);
    const destroyed = this.#port.destroy(error);
    this.assembler.release();
    if (destroyed === undefined) this.#onReleased();
    else void destroyed.finally(() => this.#onReleased());
  }

  #onReleased(): void {
    this.#released = true;
    this.#closed.resolve();
    if (this.#sink !== undefined) this.#reportClose(this.#sink);
    else this.#opening?.fail(this.#closeError);
  }

  /** Deferred, so that no call into the connection calls back before it returns. */
  #reportClose(sink: FrameSink): void {
    queueMicrotask(() => sink.onClose(this.#closeError));
  }
}

const NO_BYTES = new Uint8Array(0);
