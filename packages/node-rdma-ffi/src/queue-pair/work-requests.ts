import { invalid } from '../errors.js';
import { WorkRequestOpcode as Opcode } from '../native/constants.js';
import { NativeStruct } from '../native/native-struct.js';
import { structs } from '../native/structs.js';

const { ibv_sge: SGE, ibv_send_wr: SEND, ibv_recv_wr: RECV } = structs;
const POINTER_BYTES = 8;

// Properties with quoted names, read once.
const REMOTE_ADDRESS = SEND['wr.rdma.remote_addr'];
const REMOTE_KEY = SEND['wr.rdma.rkey'];

/** `IBV_SEND_*`: flags of what is posted to the send queue. */
export const SendFlag = {
  /** Begin only after all earlier reads of this queue pair. */
  FENCE: 1,
  /** Report the completion; without it only a failure is reported. */
  SIGNALED: 2,
  /** Wake a peer that waits for solicited messages only. */
  SOLICITED: 4,
  /** Copy the bytes while posting: the memory is free at once, and needs no key. */
  INLINE: 8,
} as const;

/**
 * Memory for one incoming message. All kinds of requests are read while they are posted: a program that keeps an object
 * and changes it for the next request posts without allocating.
 */
export interface ReceiveRequest {
  /** Comes back with the completion: a whole number, 0 to 2^53 - 1. */
  readonly id: number;
  /** Of the first byte of local memory. Without memory (the default) the message has no bytes. */
  readonly address?: number;
  /** Bytes, 0 to 2^32 - 1; 0 by default. */
  readonly length?: number;
  /** `localKey` of the memory region. */
  readonly localKey?: number;
}

/** A message. */
export interface SendRequest extends ReceiveRequest {
  /** Of {@link SendFlag}, added up; 0 by default. */
  readonly flags?: number;
  /** 32 bits that come with the message, in the completion of the peer's receive. */
  readonly immediate?: number | undefined;
}

/** An RDMA read. The peer is not notified. */
export interface ReadRequest extends Omit<SendRequest, 'immediate'> {
  /** Of the first byte of the peer's memory. */
  readonly remoteAddress: number;
  /** `remoteKey` of the peer's memory region. */
  readonly remoteKey: number;
}

/**
 * An RDMA write. The peer is notified only of an `immediate`, which completes one of its receives.
 */
export interface WriteRequest extends ReadRequest, SendRequest {}

/** The address list of a work request: always one entry, which an empty message leaves out. */
function setMemory(
  native: NativeStruct,
  countOffset: number,
  entry: number,
  { address = 0, length = 0, localKey = 0 }: ReceiveRequest,
): void {
  if (length >>> 0 !== length) throw invalid(`a message of ${length} bytes: 0 to 2^32 - 1 it is`);
  native.setUint32(countOffset, length === 0 ? 0 : 1);
  native.setWord(entry + SGE.addr, address);
  native.setUint32(entry + SGE.length, length);
  native.setUint32(entry + SGE.lkey, localKey);
}

/** A `struct ibv_send_wr` that is reused for each call. */
export class NativeSendRequest {
  readonly native = new NativeStruct(SEND.size + SGE.size + POINTER_BYTES);
  /** Where the verb reports a refused work request. */
  readonly badAddress = this.native.address + SEND.size + SGE.size;

  constructor() {
    this.native.setWord(SEND.sg_list, this.native.address + SEND.size);
  }

  setSend(request: SendRequest): void {
    this.#set(Opcode.SEND, request);
    this.#setImmediate(Opcode.SEND_WITH_IMM, request.immediate);
  }

  setWrite(request: WriteRequest): void {
    this.#set(Opcode.RDMA_WRITE, request);
    this.#setRemote(request);
    this.#setImmediate(Opcode.RDMA_WRITE_WITH_IMM, request.immediate);
  }

  setRead(request: ReadRequest): void {
    this.#set(Opcode.RDMA_READ, request);
    this.#setRemote(request);
  }

  #set(opcode: number, request: SendRequest): void {
    const { native } = this;
    setMemory(native, SEND.num_sge, SEND.size, request);
    native.setWord(SEND.wr_id, request.id);
    native.setUint32(SEND.opcode, opcode);
    native.setUint32(SEND.send_flags, request.flags ?? 0);
  }

  #setRemote({ remoteAddress, remoteKey }: ReadRequest): void {
    this.native.setWord(REMOTE_ADDRESS, remoteAddress);
    this.native.setUint32(REMOTE_KEY, remoteKey);
  }

  /** In network byte order, which makes it the same number at the peer. */
  #setImmediate(opcode: number, immediate: number | undefined): void {
    if (immediate === undefined) return;
    this.native.setUint32(SEND.opcode, opcode);
    this.native.view.setUint32(SEND.imm_data, immediate);
  }
}

/** A `struct ibv_recv_wr` that is reused for each call. */
export class NativeReceiveRequest {
  readonly native = new NativeStruct(RECV.size + SGE.size + POINTER_BYTES);
  /** Where the verb reports a refused work request. */
  readonly badAddress = this.native.address + RECV.size + SGE.size;

  constructor() {
    this.native.setWord(RECV.sg_list, this.native.address + RECV.size);
  }

  set(request: ReceiveRequest): void {
    setMemory(this.native, RECV.num_sge, RECV.size, request);
    this.native.setWord(RECV.wr_id, request.id);
  }
}
