import type { Iova } from '../address.js';
import type { ExposedRange } from '../transport/one-sided.js';

/**
 * The bodies of messages as typed values, independent of their encoding: the native encoding (C
 * structs) and the portable one translate to and from these. Field names are the specification's;
 * `argsz` is kept because its value is part of the protocol.
 */

/** "VERSION". `capabilities` is the JSON text without its NUL; absent when the peer sent none. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly capabilities?: string | undefined;
}

/** "DMA_MAP". `offset` is the start of the memory in the attached file. */
export interface DmaMap {
  readonly argsz: number;
  readonly flags: number;
  readonly offset: bigint;
  readonly address: Iova;
  readonly size: Iova;
  /** Ranges that the device may access by RDMA. Portable encoding only. */
  readonly exposed?: readonly ExposedRange[] | undefined;
}

export interface DirtyBitmap {
  readonly pgsize: Iova;
  /** Bytes of bitmap. */
  readonly size: Iova;
}

/** "DMA_UNMAP". `bitmap` is present with GET_DIRTY_BITMAP. */
export interface DmaUnmap {
  readonly argsz: number;
  readonly flags: number;
  readonly address: Iova;
  readonly size: Iova;
  readonly bitmap?: DirtyBitmap | undefined;
}

/** Reply: the request echoed, with the bits if requested. */
export interface DmaUnmapReply extends DmaUnmap {
  readonly bits?: Uint8Array | undefined;
}

/** "DEVICE_GET_INFO". The request carries just argsz. */
export interface ArgszOnly {
  readonly argsz: number;
}
export interface DeviceInfo {
  readonly argsz: number;
  readonly flags: number;
  readonly numRegions: number;
  readonly numIrqs: number;
  /** See `PciDevice.serial`. Portable encoding only. */
  readonly serial?: string | undefined;
}

/** "DEVICE_GET_REGION_INFO" and "DEVICE_GET_IRQ_INFO" requests. */
export interface IndexRequest {
  readonly argsz: number;
  readonly index: number;
}
export interface SparseArea {
  readonly offset: number;
  readonly size: number;
}
/** `sparse` is only encoded when the request's argsz has room; `argsz` says how much is needed. */
export interface RegionInfo {
  readonly argsz: number;
  /** Without CAPS, which `sparse` implies. */
  readonly flags: number;
  readonly index: number;
  /** Bytes. */
  readonly size: Iova;
  /** Start of the mappable memory in the attached descriptor. */
  readonly offset: Iova;
  readonly sparse?: readonly SparseArea[] | undefined;
}

/** "DEVICE_GET_REGION_IO_FDS" request. */
export interface RegionIoFdsRequest {
  readonly argsz: number;
  readonly flags: number;
  readonly index: number;
  readonly count: number;
}
export interface RegionIoFd {
  readonly offset: number;
  readonly size: number;
  /** Index into the descriptors of the message, 0xffffffff for none. */
  readonly fdIndex: number;
  readonly type: number;
  readonly flags: number;
  readonly datamatch: bigint;
}
/** `entries` is empty when the request's argsz has no room; `argsz` says how much is needed. */
export interface RegionIoFds {
  readonly argsz: number;
  readonly flags: number;
  readonly index: number;
  readonly count: number;
  readonly entries: readonly RegionIoFd[];
}

export interface IrqInfo {
  readonly argsz: number;
  readonly flags: number;
  readonly index: number;
  readonly count: number;
}

/**
 * "DEVICE_SET_IRQS". `bools` is one byte per interrupt with DATA_BOOL. `events` is, with
 * DATA_EVENTFD, the number of events that the client attaches without descriptors.
 */
export interface SetIrqs {
  readonly argsz: number;
  readonly flags: number;
  readonly index: number;
  readonly start: number;
  readonly count: number;
  readonly bools?: Uint8Array | undefined;
  readonly events?: number | undefined;
}

/**
 * "REGION_READ" request, "REGION_WRITE" reply. Offsets of 2^53 and above lose precision: they lie
 * outside every region and are refused.
 */
export interface RegionAccess {
  readonly offset: number;
  readonly region: number;
  readonly count: number;
}
/** Memory that the client sends along with a register write (PUSH_RULES). */
export interface PushedMemory {
  readonly address: Iova;
  readonly data: Uint8Array;
}
/**
 * "REGION_READ" reply, "REGION_WRITE" request. `data` is valid until the handler returns, and so is
 * that of `pushed`, which only a REGION_WRITE of the portable encoding carries.
 */
export interface RegionData extends RegionAccess {
  readonly data: Uint8Array;
  readonly pushed?: readonly PushedMemory[] | undefined;
}

/** "DMA_READ" request. */
export interface DmaRead {
  readonly address: Iova;
  readonly count: number;
}
/** "DMA_READ" reply, "DMA_WRITE" request. `data` is valid until the handler returns. */
export interface DmaData extends DmaRead {
  readonly data: Uint8Array;
}

/** "REGION_WRITE_MULTI". Each write is at most 8 bytes. */
export interface RegionWriteMulti {
  readonly writes: readonly RegionData[];
}
export interface RegionWriteMultiReply {
  readonly count: number;
}

/** "DEVICE_FEATURE". `data` follows the 8-byte head. */
export interface DeviceFeature {
  readonly argsz: number;
  readonly flags: number;
  readonly data: Uint8Array;
}

/** "MIG_DATA_READ" request. */
export interface MigDataRead {
  readonly argsz: number;
  readonly size: number;
}
/** "MIG_DATA_READ" reply, "MIG_DATA_WRITE" request. */
export interface MigData {
  readonly argsz: number;
  readonly size: number;
  readonly data: Uint8Array;
}

/** INTERRUPT: signals of a vector; `count` is what the counter of an eventfd would be. */
export interface Interrupt {
  /** Interrupt index (`Irq`). */
  readonly index: number;
  readonly vector: number;
  readonly count: number;
}

/** DOORBELL: signals of an entry of the region's DEVICE_GET_REGION_IO_FDS reply. */
export interface DoorbellSignal {
  readonly region: number;
  readonly entry: number;
  readonly count: number;
}

/**
 * KEEP_ALIVE. A request without `reply` is answered at once by one with `reply` and the same nonce.
 */
export interface KeepAlive {
  readonly nonce: number;
  readonly reply: boolean;
}

/** ACKNOWLEDGE: number and bytes of one-way messages handled since the session began. */
export interface Acknowledge {
  readonly messages: number;
  readonly bytes: number;
}

/** DMA_FAULT: a posted DMA_WRITE was refused, and what the device sent behind it is not carried out. */
export interface DmaFault {
  /** Its number among the one-way messages of its sender, as ACKNOWLEDGE counts them. */
  readonly message: number;
  readonly address: Iova;
  readonly count: number;
  /** A Linux error number. */
  readonly errno: number;
}

/** A ring of entries in client memory, for example an NVMe submission queue. */
export interface PushRing {
  readonly address: Iova;
  readonly entryBytes: number;
  readonly entries: number;
  /** Index of the first entry not yet pushed. */
  readonly tail: number;
}
/**
 * When the client writes `tail` to `size` bytes at `offset`, it sends the ring's entries from the
 * previous tail up to that one along with the write.
 */
export interface PushRule {
  readonly id: number;
  readonly region: number;
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  readonly ring: PushRing;
}
/** PUSH_RULES, from the server: the complete set of rules from now on. */
export interface PushRules {
  readonly rules: readonly PushRule[];
}
