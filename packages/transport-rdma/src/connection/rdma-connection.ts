import {
  type AccessRights,
  type Connection,
  type ExposedMemory,
  type Frame,
  type FrameSink,
  type Framing,
  type Logger,
  type MappedMemory,
  type OneSidedMemory,
  ProtocolViolationError,
  type TransportCapabilities,
  VfioUserError,
} from '@vfio-user/core';
import type { Endpoint, EndpointEvents } from '../endpoint/endpoint.js';
import { BYE } from '../endpoint/flags.js';
import { RegisteredMemory } from '../memory/exposed-memory.js';
import { RdmaMemory } from '../memory/one-sided.js';
import type { Settings } from '../options.js';
import type { PeerSetup } from '../setup/records.js';
import type { SendQueue } from '../work/send-queue.js';
import type { Transfer } from '../work/transfer.js';
import { rdmaCapabilities } from './capabilities.js';
import { Credits } from './credits.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';

/** What a connection is made of. */
export interface RdmaConnectionParts {
  readonly endpoint: Endpoint;
  readonly peer: PeerSetup;
  /** The bootstrap connection. Its end is the end of this one. */
  readonly bootstrap: Connection;
  readonly framing: Framing;
  readonly settings: Settings;
  readonly logger: Logger;
}

const NO_BYTES = new Uint8Array(0);

/** Frames and memory over a queue pair that both sides have tried. */
export class RdmaConnection implements Connection, EndpointEvents {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources = undefined;
  readonly oneSided: OneSidedMemory;
  readonly #parts: RdmaConnectionParts;
  readonly #sink: FrameSink;
  readonly #queue: SendQueue;
  readonly #credits: Credits;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #state: 'open' | 'closing' | 'closed' = 'open';
  #paused = false;
  #owesDrain = false;
  #handling = false;
  #flushScheduled = false;
  #turnScheduled = false;
  #peerSaidBye = false;
  /** The last message of ours, if it is on its way. */
  #bye = -1;
  #closeTimer: NodeJS.Timeout | undefined;

  constructor(parts: RdmaConnectionParts, sink: FrameSink) {
    const { endpoint, peer, bootstrap, framing, settings } = parts;
    const { receiveSlots, slotBytes, maxFrameBytes, chunkBytes } = settings;
    this.#parts = parts;
    this.#sink = sink;
    this.peer = bootstrap.peer;
    this.capabilities = rdmaCapabilities(settings);
    this.#queue = endpoint.sends;
    this.#credits = new Credits(receiveSlots, peer.slots);
    this.#outbox = new Outbox({
      queue: this.#queue,
      credits: this.#credits,
      staging: endpoint.staging.bytes,
      slotBytes: Math.min(peer.slotBytes, settings.stagingBytes / 4),
      chunkBytes,
    });
    this.#inbox = new Inbox(endpoint, this.#credits, framing, { slotBytes, maxFrameBytes });
    this.oneSided = new RdmaMemory({
      description: `RDMA by ${endpoint.device}`,
      start: (transfer) => this.#start(transfer),
      register: (memory, rights) => this.#register(memory, rights),
    });
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  // ---- towards the session

  get bytesMoved(): number {
    return this.#inbox.receivedBytes;
  }

  send(head: Uint8Array, data: Uint8Array = NO_BYTES): boolean {
    if (this.#state !== 'open' || this.#peerSaidBye) return true;
    this.#attempt(() => this.#outbox.send(head, data));
    this.#scheduleFlush();
    const { queuedBytes } = this.#outbox;
    const { highWaterBytes, maxQueuedBytes } = this.#parts.settings;
    if (queuedBytes > maxQueuedBytes) {
      this.#end(peerError(`${this.peer} leaves ${queuedBytes} bytes unread: connection ended`));
    }
    if (queuedBytes <= highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Messages received before the pause are still there.
    this.#scheduleTurn();
  }

  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      const { closeTimeoutMs } = this.#parts.settings;
      this.#closeTimer = setTimeout(() => this.#giveUpClosing(), closeTimeoutMs);
      this.#attempt(() => this.#pump());
    }
    return this.#closed;
  }

  abort(reason: Error): void {
    this.#end(reason);
  }

  // ---- from the bootstrap connection

  /** What the bootstrap connection tells from now on. */
  get lifeline(): FrameSink {
    return {
      onFrame: () => {
        const text = 'a message on the bootstrap connection, although the queue pair is up';
        this.#end(new ProtocolViolationError(text));
      },
      onDrain() {},
      onClose: (error) => this.#onLifelineCut(error),
    };
  }

  // ---- from the queue pair

  onSent(id: number): void {
    if (id === this.#bye) this.#end(undefined);
  }

  onReceived(slot: number, length: number, immediate: number): void {
    this.#credits.gained(immediate);
    if ((immediate & BYE) !== 0) this.#peerSaidBye = true;
    if (length > 0) this.#inbox.add(slot, length);
    else if (this.#state !== 'closed') this.#attempt(() => this.#parts.endpoint.post(slot));
  }

  onBatch(): void {
    if (this.#state === 'closed') return;
    this.#attempt(() => this.#deliver());
    this.#attempt(() => this.#pump());
  }

  onFailed(why: string): void {
    this.#end(peerError(`the connection to ${this.peer} is lost: ${why}`));
  }

  #start(transfer: Transfer): void {
    if (this.#state !== 'open') {
      transfer.fail(peerError(`the connection to ${this.peer} has ended`));
      return;
    }
    this.#attempt(() => this.#outbox.start(transfer));
  }

  #register(memory: MappedMemory, rights: AccessRights): ExposedMemory {
    if (this.#state !== 'open') return { ranges: [], close() {} };
    const { endpoint, logger } = this.#parts;
    const registered = new RegisteredMemory(endpoint.domain, memory, rights, logger);
    return {
      ranges: registered.ranges,
      // Memory that stays within the peer's reach must not outlive the connection.
      close: () => this.#attempt(() => registered.close()),
    };
  }

  #deliver(): void {
    this.#handling = true;
    try {
      while (this.#state === 'open' && !this.#paused) {
        const frame: Frame | undefined = this.#inbox.next();
        if (frame === undefined) break;
        this.#sink.onFrame(frame);
      }
    } finally {
      this.#handling = false;
    }
    if (this.#peerSaidBye && this.#state === 'open' && !this.#paused) this.#onPeerEnded();
    else if (this.#peerSaidBye && this.#state === 'closing') this.#end(undefined);
  }

  #onPeerEnded(): void {
    const { pendingBytes } = this.#inbox;
    if (pendingBytes === 0) this.#end(undefined);
    else {
      const text = `${this.peer} closed the connection in the middle of a message, ${pendingBytes} bytes into it`;
      this.#end(peerError(text));
    }
  }

  /** Send what can leave, and what the peer must be told. */
  #pump(): void {
    if (this.#state === 'closed') return;
    this.#outbox.pump();
    this.#outbox.flush();
    if (this.#credits.overdue && this.#queue.hasRoomForNotice) {
      this.#queue.postNotice(this.#credits.settle(), false);
    }
    if (this.#state === 'closing') {
      this.#sayBye();
    } else if (this.#owesDrain && this.#outbox.queuedBytes <= this.#parts.settings.lowWaterBytes) {
      this.#owesDrain = false;
      this.#sink.onDrain();
    }
  }

  #sayBye(): void {
    if (this.#bye >= 0 || !this.#outbox.empty || !this.#queue.hasRoomForNotice) return;
    this.#bye = this.#queue.postNotice(BYE | this.#credits.settle(), true);
  }

  #giveUpClosing(): void {
    const { queuedBytes } = this.#outbox;
    const { closeTimeoutMs } = this.#parts.settings;
    const text = `${this.peer} did not read the last ${queuedBytes} bytes within ${closeTimeoutMs} ms`;
    this.#end(queuedBytes === 0 ? undefined : new VfioUserError('VFU_TIMEOUT', text));
  }

  /** What is sent in one turn leaves together. */
  #scheduleFlush(): void {
    if (this.#handling || this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(() => {
      this.#flushScheduled = false;
      if (this.#state !== 'closed') this.#attempt(() => this.#outbox.flush());
    });
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    setImmediate(() => {
      this.#turnScheduled = false;
      this.onBatch();
    });
  }

  /** The peer said what it had to say before it closed: that is in the queue by now. */
  #onLifelineCut(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#parts.endpoint.drain();
    if (this.#peerSaidBye) return;
    this.#end(error ?? peerError(`${this.peer} went away without closing the connection`));
  }

  /** Whatever throws in there ends the connection. */
  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#closeTimer);
    const { endpoint, bootstrap } = this.#parts;
    endpoint.close();
    const gone = error ?? peerError(`the connection to ${this.peer} has ended`);
    this.#queue.fail(gone);
    this.#outbox.fail(gone);
    if (error !== undefined) bootstrap.abort(error);
    void bootstrap.close().finally(() => {
      this.#resolveClosed();
      this.#sink.onClose(error);
    });
  }
}

function peerError(text: string): VfioUserError {
  return new VfioUserError('VFU_PEER_CLOSED', text);
}
