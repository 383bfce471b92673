import {
  type AccessRights,
  type AdapterProgress,
  type Connection,
  type ExposedMemory,
  type FrameSink,
  type Framing,
  type Logger,
  type MappedMemory,
  type OneSidedMemory,
  ProtocolViolationError,
  VfioUserError,
} from '@vfio-user/core';
import type { FrameAssembler, StreamEvents, StreamPort } from '@vfio-user/core/transport';
import { BYE } from '../endpoint/flags.js';
import type { QueuePairEnd, QueuePairEvents } from '../endpoint/queue-pair-end.js';
import { RegisteredMemory } from '../memory/exposed-memory.js';
import { RdmaOneSidedMemory } from '../memory/one-sided.js';
import type { RdmaSettings } from '../options.js';
import type { BootstrapSink } from '../setup/bootstrap-sink.js';
import type { PeerSetup } from '../setup/records.js';
import type { RdmaTransfer } from '../work/rdma-transfer.js';
import type { SendQueue } from '../work/send-queue.js';
import { Credits } from './credits.js';
import { Inbox } from './inbox.js';
import { Outbox } from './outbox.js';

/** What a connection is made of. */
export interface RdmaConnectionParts {
  readonly endpoint: QueuePairEnd;
  readonly peer: PeerSetup;
  /** The bootstrap connection. Its end is the end of this one. */
  readonly bootstrap: Connection;
  readonly bootstrapSink: BootstrapSink;
  readonly framing: Framing;
  readonly settings: RdmaSettings;
  readonly logger: Logger;
}

/** Bytes and memory over a queue pair that both sides have tried. Also receives from the bootstrap. */
export class RdmaPort implements StreamPort, QueuePairEvents, FrameSink {
  readonly gathers = true;
  readonly oneSided: OneSidedMemory;
  readonly #parts: RdmaConnectionParts;
  readonly #events: StreamEvents;
  readonly #queue: SendQueue;
  readonly #credits: Credits;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  #destroyed = false;
  /** In this batch of completions. */
  #received = false;
  /** Of the peer's accesses, once the connection is lost. */
  #progress: AdapterProgress | undefined;
  #peerSaidBye = false;
  /** Closing: only the last message is missing. */
  #ending = false;
  /** Id of our last message while it is in flight. */
  #bye = -1;

  constructor(parts: RdmaConnectionParts, events: StreamEvents) {
    const { endpoint, peer, settings } = parts;
    const { receiveSlots, slotBytes, stagingBytes, chunkBytes } = settings;
    this.#parts = parts;
    this.#events = events;
    this.#queue = endpoint.sends;
    this.#credits = new Credits(receiveSlots, peer.slots);
    this.#outbox = new Outbox({
      queue: this.#queue,
      credits: this.#credits,
      staging: endpoint.staging.bytes,
      slotBytes: Math.min(peer.slotBytes, stagingBytes / 4),
      chunkBytes,
    });
    this.#inbox = new Inbox(endpoint, this.#credits, slotBytes);
    this.oneSided = new RdmaOneSidedMemory({
      description: `RDMA by ${endpoint.device}`,
      peerId: peer.queuePair,
      progress: () => this.#progress,
      tookEffect: (error, position) => this.#queue.tookEffect(error, position),
      start: (transfer) => this.#start(transfer),
      register: (memory, rights) => this.#register(memory, rights),
    });
  }

  // ---- from the connection

  get queuedBytes(): number {
    return this.#peerSaidBye ? 0 : this.#outbox.queuedBytes;
  }

  start(): void {
    this.#parts.endpoint.handOver(this);
    this.#parts.bootstrapSink.handTo(this);
  }

  send(head: Uint8Array, data: Uint8Array): void {
    if (this.#peerSaidBye) return;
    try {
      this.#outbox.send(head, data);
    } catch (error) {
      this.#fail(error);
    }
  }

  push(): void {
    try {
      this.#outbox.flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  read(assembler: FrameAssembler): boolean {
    try {
      return this.#inbox.read(assembler);
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** Unread slots are not posted again, which stops the peer. */
  pause(): void {}

  resume(): void {
    this.#pump();
  }

  end(): void {
    this.#ending = true;
    this.#pump();
  }

  destroy(error: Error | undefined): Promise<void> {
    this.#destroyed = true;
    const { endpoint, bootstrap } = this.#parts;
    if (error !== undefined) {
      const position = endpoint.stop();
      const id = endpoint.setup.queuePair;
      if (position !== undefined) this.#progress = { id, position };
      endpoint.drain();
    }
    endpoint.close();
    const gone = error ?? this.#lost('has ended');
    this.#queue.fail(gone);
    this.#outbox.fail(gone);
    if (error !== undefined) bootstrap.abort(error);
    return bootstrap.close();
  }

  // ---- from the bootstrap connection

  onFrame(): void {
    const text = 'a message on the bootstrap connection, although the queue pair is up';
    this.#events.onGone(new ProtocolViolationError(text));
  }

  onDrain(): void {}

  /** The peer sends everything before it closes the bootstrap: that is in the queue by now. */
  onClose(error?: Error): void {
    if (this.#destroyed) return;
    const { endpoint, bootstrap } = this.#parts;
    endpoint.drain();
    if (this.#peerSaidBye) return;
    const text = `${bootstrap.peer} went away without closing the connection`;
    this.#events.onGone(error ?? new VfioUserError('VFU_PEER_CLOSED', text));
  }

  // ---- from the queue pair

  onSent(id: number): void {
    if (id === this.#bye) this.#events.onEnd();
  }

  onReceived(slot: number, length: number, immediate: number): void {
    this.#credits.gained(immediate);
    if ((immediate & BYE) !== 0) this.#peerSaidBye = true;
    if (length > 0) {
      this.#inbox.add(slot, length);
      this.#received = true;
    } else if (!this.#destroyed) this.#post(slot);
  }

  onBatch(): void {
    if (this.#destroyed) return;
    if (this.#peerSaidBye) this.#events.onEnd();
    else if (this.#received) this.#events.onReceived();
    this.#received = false;
    this.#pump();
  }

  onFailed(why: string): void {
    this.#events.onGone(this.#lost(`is lost: ${why}`));
  }

  /** The queue pair was tried before the connection was opened. */
  get #isUp(): boolean {
    const { state } = this.#events;
    return state === 'open' || state === 'opening';
  }

  #post(slot: number): void {
    try {
      this.#parts.endpoint.post(slot);
    } catch (error) {
      this.#fail(error);
    }
  }

  #start(transfer: RdmaTransfer): void {
    if (!this.#isUp) {
      transfer.fail(this.#lost('has ended'));
      return;
    }
    try {
      this.#outbox.start(transfer);
    } catch (error) {
      this.#fail(error);
    }
  }

  #register(memory: MappedMemory, rights: AccessRights): ExposedMemory {
    if (!this.#isUp) return { ranges: [], close() {} };
    const { endpoint, logger } = this.#parts;
    const registered = new RegisteredMemory(endpoint.domain, memory, rights, logger);
    const close = (): void => {
      try {
        registered.close();
      } catch (error) {
        // Memory that the peer can still access must not outlive the connection.
        this.#fail(error);
      }
    };
    return { ranges: registered.ranges, close };
  }

  /** Send what can be sent, and the credits due. */
  #pump(): void {
    if (this.#destroyed) return;
    const before = this.queuedBytes;
    try {
      this.#outbox.pump();
      this.#outbox.flush();
      if (this.#credits.overdue && this.#queue.hasRoomForNotice) {
        this.#queue.postNotice(this.#credits.settle(), false);
      }
      if (this.#ending) this.#sayBye();
    } catch (error) {
      this.#fail(error);
    }
    this.#events.onSent(before - this.queuedBytes);
  }

  #sayBye(): void {
    if (this.#bye >= 0 || !this.#outbox.empty || !this.#queue.hasRoomForNotice) return;
    this.#bye = this.#queue.postNotice(BYE | this.#credits.settle(), true);
  }

  #lost(what: string): VfioUserError {
    return new VfioUserError(
      'VFU_PEER_CLOSED',
      `the connection to ${this.#parts.bootstrap.peer} ${what}`,
    );
  }

  /** An error of the adapter ends the connection. */
  #fail(error: unknown): void {
    this.#events.onGone(error instanceof Error ? error : new Error(String(error)));
  }
}
