import type { Logger } from '@vfio-user/core';
import { CompletionStatus, type DeviceEventCode, deviceEventText } from 'node-rdma-ffi';
import { memoryAccess } from '../memory/access.js';
import type { RdmaSettings } from '../options.js';
import type { PeerSetup } from '../setup/records.js';
import type {
  AdapterBuffer,
  CompletionQueue,
  MemoryRegion,
  ProtectionDomain,
  QueuePair,
  RdmaDevice,
} from '../verbs.js';
import { SendQueue } from '../work/send-queue.js';
import type { AdapterChoice } from './adapter-choice.js';
import { RECEIVE_ID, SPARE_RECEIVES } from './flags.js';

/** Work requests that may be posted and not completed. A power of two. */
const MAX_SEND = 512;
/** Small enough for every adapter. */
const MAX_INLINE_BYTES = 128;
/** Completions between two looks at the queue: every request could complete at once. */
const SPARE_COMPLETIONS = 16;

/** Events of a queue pair. */
export interface QueuePairEvents {
  /** This request and all before it have completed. */
  onSent(id: number): void;
  /** A message of `length` bytes was received into a slot. */
  onReceived(slot: number, length: number, immediate: number): void;
  /** The current completions have been reported. */
  onBatch(): void;
  /** The queue pair has failed. */
  onFailed(why: string): void;
}

/** A queue pair with its buffers and completion queue. Each connection has its own. */
export class QueuePairEnd {
  readonly device: string;
  readonly queuePair: QueuePair;
  /** The send queue. */
  readonly sends: SendQueue;
  readonly domain: ProtectionDomain;
  /** Staging buffer for sends, reads and writes. */
  readonly staging: AdapterBuffer;
  /** The slots, one after the other. */
  readonly slots: AdapterBuffer;
  readonly #settings: RdmaSettings;
  readonly #logger: Logger;
  readonly #device: RdmaDevice;
  readonly #completions: CompletionQueue;
  /** For every slot: written anew when one is posted. */
  readonly #receive: {
    id: number;
    address: number;
    readonly length: number;
    readonly localKey: number;
  };
  #events: QueuePairEvents | undefined;
  #failure: string | undefined;
  #closed = false;

  /** @throws when the adapter refuses any of it. */
  constructor(choice: AdapterChoice, settings: RdmaSettings, logger: Logger) {
    const { verbs, receiveSlots, slotBytes, stagingBytes, maxSpinUs } = settings;
    this.#settings = settings;
    this.#logger = logger;
    this.#device = verbs.openDevice(choice.device);
    try {
      const slots = receiveSlots + SPARE_RECEIVES;
      const { maxQpWr } = this.#device.attributes;
      this.device = choice.device;
      const maxSend = Math.min(MAX_SEND, 2 ** Math.floor(Math.log2(maxQpWr)));
      this.domain = this.#device.createProtectionDomain();
      this.staging = verbs.allocate(stagingBytes);
      this.slots = verbs.allocate(slots * slotBytes);
      const stagingKey = this.#register(this.staging).localKey;
      const { localKey } = this.#register(this.slots);
      this.#receive = { id: 0, address: 0, length: slotBytes, localKey };
      this.#completions = this.#device.createCompletionQueue({
        depth: maxSend + slots + SPARE_COMPLETIONS,
        spinUs: maxSpinUs,
      });
      this.queuePair = this.domain.createQueuePair({
        sendQueue: this.#completions,
        receiveQueue: this.#completions,
        maxSend,
        maxReceive: slots,
        maxInline: MAX_INLINE_BYTES,
        port: choice.port,
        gidIndex: choice.gidIndex,
      });
      const { queuePair, staging } = this;
      this.sends = new SendQueue({ queuePair, staging, stagingKey, maxSend });
      for (let slot = 0; slot < slots; slot++) this.post(slot);
    } catch (error) {
      this.#device.close();
      throw error;
    }
    this.#device.onEvent(({ code }) => this.#onDeviceEvent(code));
  }

  /** Parameters for the peer. */
  get setup(): PeerSetup {
    const { receiveSlots: slots, slotBytes } = this.#settings;
    return { ...this.queuePair.parameters, slots, slotBytes };
  }

  /** Connect the queue pair to the peer's; it receives from now on. */
  join(peer: PeerSetup): void {
    const { packetSequence, mtuBytes } = this.queuePair.parameters;
    this.sends.begin(packetSequence, Math.min(mtuBytes, peer.mtuBytes));
    this.queuePair.connect(peer);
  }

  /**
   * Stop the queue pair.
   * @returns the packet that is expected next of the peer, which then cannot come any more;
   *   `undefined` if the adapter does not say.
   */
  stop(): number | undefined {
    try {
      this.queuePair.fail();
      // Drivers that do not know it say 0.
      return this.queuePair.expectedPacket() || undefined;
    } catch {
      // The adapter is gone.
      return undefined;
    }
  }

  /** Start reporting to `events`, including earlier completions. */
  start(events: QueuePairEvents): void {
    this.#events = events;
    this.#completions.start((count) => this.#onCompletions(count));
    if (this.#failure !== undefined) events.onFailed(this.#failure);
  }

  /** Another handler takes over. */
  handOver(events: QueuePairEvents): void {
    this.#events = events;
  }

  /** Handle all current completions. */
  drain(): void {
    while (!this.#closed && this.#completions.poll() > 0);
  }

  /** Offer a slot to the peer. */
  post(slot: number): void {
    const request = this.#receive;
    request.id = RECEIVE_ID + slot;
    request.address = this.slots.address + slot * request.length;
    this.queuePair.postReceive(request);
  }

  /** Release everything. When this returns, the peer cannot access our memory. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events = undefined;
    try {
      this.#device.close();
    } catch (error) {
      this.#logger.error(
        { err: error, device: this.device },
        'the adapter does not let go of memory',
      );
      unreleased.add(this);
      return;
    }
    this.staging.release();
    this.slots.release();
  }

  #register({ bytes }: AdapterBuffer): MemoryRegion {
    return this.domain.register(bytes, memoryAccess.own);
  }

  #onCompletions(count: number): void {
    const queue = this.#completions;
    for (let i = 0; i < count; i++) {
      const status = queue.status(i);
      if (status !== CompletionStatus.SUCCESS) {
        this.#fail(this.#settings.verbs.statusText(status));
        return;
      }
      const id = queue.id(i);
      if (id < RECEIVE_ID) {
        this.sends.complete(id);
        this.#events?.onSent(id);
      } else {
        this.#events?.onReceived(id - RECEIVE_ID, queue.byteLength(i), queue.immediate(i) ?? 0);
      }
    }
    this.#events?.onBatch();
  }

  #onDeviceEvent(code: DeviceEventCode): void {
    if (!ENDS_EVERYTHING.has(code)) return;
    this.#fail(`the RDMA device ${this.device} reports: ${deviceEventText(code)}`);
  }

  /** Only the first failure says why: the others follow from it. */
  #fail(why: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = why;
    this.#events?.onFailed(why);
  }
}

/** Queue pairs whose memory an adapter may still write to, which must not be reused. */
const unreleased = new Set<QueuePairEnd>();

/** Events that end a queue pair. A port may come back in time. */
const ENDS_EVERYTHING: ReadonlySet<DeviceEventCode> = new Set([
  'CQ_ERR',
  'DEVICE_FATAL',
  'DEVICE_REMOVED',
  'QP_ACCESS_ERR',
  'QP_FATAL',
  'QP_REQ_ERR',
  'WQ_FATAL',
]);
