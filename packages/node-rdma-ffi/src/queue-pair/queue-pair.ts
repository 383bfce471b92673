import { randomInt } from 'node:crypto';
import type { CompletionQueue } from '../completion/completion-queue.js';
import type { DeviceAttributes } from '../discovery/attributes.js';
import { type PortInfo, queryPort } from '../discovery/port.js';
import { closed, invalid, verbFailed } from '../errors.js';
import { QueuePairState } from '../native/constants.js';
import type { DeviceContext } from '../native/device-context.js';
import { createQueuePair, type QueuePairOptions } from './creation.js';
import {
  checkParameters,
  connectOptions,
  type QueuePairConnectOptions,
  type QueuePairParameters,
} from './parameters.js';
import { type LocalEnd, Transitions } from './transitions.js';
import {
  NativeReceiveRequest,
  NativeSendRequest,
  type ReadRequest,
  type ReceiveRequest,
  type SendRequest,
  type WriteRequest,
} from './work-requests.js';

/** Names of the states a queue pair goes through. */
export type QueuePairStateName =
  | 'reset'
  | 'init'
  | 'ready-to-receive'
  | 'ready-to-send'
  | 'sq-drained'
  | 'sq-error'
  | 'error';

const stateNames: Readonly<Record<number, QueuePairStateName>> = {
  [QueuePairState.RESET]: 'reset',
  [QueuePairState.INIT]: 'init',
  [QueuePairState.RTR]: 'ready-to-receive',
  [QueuePairState.RTS]: 'ready-to-send',
  [QueuePairState.SQD]: 'sq-drained',
  [QueuePairState.SQE]: 'sq-error',
  [QueuePairState.ERR]: 'error',
};

const PACKET_SEQUENCES = 2 ** 24;
/** What the field holds. */
const MAX_READS = 255;

/**
 * One end of a reliable connection. Work requests are carried out in order. Addresses in them are
 * checked by the adapters against the memory region of the key, except with `SendFlag.INLINE`: then
 * this process reads the local address itself.
 */
export class QueuePair {
  readonly number: number;
  readonly maxInline: number;
  /** Parameters for the peer's {@link connect}. */
  readonly parameters: QueuePairParameters;
  readonly #context: DeviceContext;
  readonly #local: LocalEnd;
  readonly #transitions: Transitions;
  readonly #queues: readonly CompletionQueue[];
  readonly #onGone: (queuePair: QueuePair) => void;
  readonly #send = new NativeSendRequest();
  readonly #receive = new NativeReceiveRequest();
  readonly #postSend: DeviceContext['calls']['postSend'];
  readonly #postRecv: DeviceContext['calls']['postRecv'];
  #pointer: number;

  /** @internal Use {@link ProtectionDomain.createQueuePair}. */
  constructor(
    context: DeviceContext,
    attributes: DeviceAttributes,
    protectionDomain: number,
    options: QueuePairOptions,
    onGone: (queuePair: QueuePair) => void,
  ) {
    this.#context = context;
    this.#onGone = onGone;
    this.#postSend = context.calls.postSend;
    this.#postRecv = context.calls.postRecv;
    this.#transitions = new Transitions(context.library);
    this.#queues = [options.sendQueue, options.receiveQueue];
    const port = queryPort(context, options.port);
    this.#local = {
      port,
      gidIndex: options.gidIndex,
      packetSequence: randomInt(PACKET_SEQUENCES),
      maxReads: Math.min(attributes.maxQpRdAtom, MAX_READS),
      maxOwnReads: Math.min(attributes.maxQpInitRdAtom, MAX_READS),
    };
    const gid = gidAt(context.name, port, options.gidIndex);
    const created = createQueuePair(context, protectionDomain, options);
    this.#pointer = created.pointer;
    this.number = created.number;
    this.maxInline = created.maxInline;
    this.parameters = {
      queuePair: created.number,
      packetSequence: this.#local.packetSequence,
      gid,
      lid: port.lid,
      mtuBytes: port.activeMtuBytes,
      maxReads: this.#local.maxReads,
    };
    context.queuePairs.set(created.pointer, created.number);
    for (const queue of this.#queues) queue.adopt(this);
    try {
      this.#transitions.toInit(created.pointer, options.port);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Connects to the peer, which leads to the state "ready to send". Receives can be posted before.
   * @throws {RdmaError} RDMA_INVALID for impossible parameters.
   */
  connect(remote: QueuePairParameters, options: QueuePairConnectOptions = {}): void {
    const patience = connectOptions(options);
    checkParameters(remote);
    const pointer = this.#open();
    this.#transitions.toReadyToReceive(pointer, this.#local, remote, patience);
    this.#transitions.toReadyToSend(pointer, this.#local, remote, patience);
  }

  /** The current state; the adapter may change it to `error`. */
  state(): QueuePairStateName {
    const state = this.#transitions.current(this.#open());
    const name = stateNames[state];
    if (name === undefined) throw invalid(`unknown state ${state} of queue pair ${this.number}`);
    return name;
  }

  /**
   * Sequence number of the packet expected next from the peer: the adapter has carried out what the
   * peer sent before. Not every driver tells the truth.
   */
  expectedPacket(): number {
    return this.#transitions.expectedPacket(this.#open());
  }

  /** Posts a receive for the next message of the peer. */
  postReceive(request: ReceiveRequest): void {
    const pointer = this.#open();
    const { native, badAddress } = this.#receive;
    this.#receive.set(request);
    const errno = this.#postRecv(pointer, native.address, badAddress);
    if (errno !== 0) throw verbFailed('ibv_post_recv', errno, `queue pair ${this.number}`);
  }

  /** Posts a message to the peer's next receive. */
  postSend(request: SendRequest): void {
    this.#send.setSend(request);
    this.#post();
  }

  /** Posts an RDMA write. */
  postWrite(request: WriteRequest): void {
    this.#send.setWrite(request);
    this.#post();
  }

  /** Posts an RDMA read. */
  postRead(request: ReadRequest): void {
    this.#send.setRead(request);
    this.#post();
  }

  /** Moves to the error state: posted requests complete with WR_FLUSH_ERR. */
  fail(): void {
    this.#transitions.toError(this.#open());
  }

  /** Idempotent. Posted requests are dropped without a completion. */
  close(): void {
    const pointer = this.#pointer;
    if (pointer === 0) return;
    this.#pointer = 0;
    const errno = this.#context.library.destroyQp(pointer);
    this.#context.queuePairs.delete(pointer);
    for (const queue of this.#queues) queue.release(this);
    this.#onGone(this);
    if (errno !== 0) throw verbFailed('ibv_destroy_qp', errno, `queue pair ${this.number}`);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #post(): void {
    const request = this.#send;
    const errno = this.#postSend(this.#open(), request.native.address, request.badAddress);
    if (errno !== 0) throw verbFailed('ibv_post_send', errno, `queue pair ${this.number}`);
  }

  #open(): number {
    if (this.#pointer === 0) throw closed(`queue pair ${this.number}`);
    return this.#pointer;
  }
}

function gidAt(device: string, port: PortInfo, index: number): string {
  const entry = port.gids.find((candidate) => candidate.index === index);
  if (entry !== undefined) return entry.gid;
  const known = port.gids.map((candidate) => `${candidate.index} (${candidate.gid})`).join(', ');
  throw invalid(
    `port ${port.number} of ${device} has no GID with index ${index}: it has ${known || 'none, set the interface up'}`,
  );
}
