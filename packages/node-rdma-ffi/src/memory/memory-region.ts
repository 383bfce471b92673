import { invalid, verbFailed } from '../errors.js';
import type { DeviceContext } from '../native/device-context.js';
import { foreign } from '../native/native-struct.js';
import { structs } from '../native/structs.js';
import { accessFlags, type MemoryRegionAccess } from './access.js';
import { addressOf, pin, unpin } from './native-buffer.js';

/** Memory by address; the caller keeps it mapped. */
export interface AddressRange {
  readonly address: number;
  readonly length: number;
}

/** Memory that the adapter may access by two keys, with the permissions of its registration. */
export class MemoryRegion {
  readonly address: number;
  readonly length: number;
  /** Names the region in this side's work requests. */
  readonly localKey: number;
  /** Key for the peer, together with addresses in the region. */
  readonly remoteKey: number;
  readonly #context: DeviceContext;
  readonly #onGone: (region: MemoryRegion) => void;
  /** Prevents garbage collection while the adapter may write to it. */
  #memory: Uint8Array | undefined;
  #pointer: number;

  /** @internal Use {@link ProtectionDomain.register}. */
  constructor(
    context: DeviceContext,
    protectionDomain: number,
    memory: Uint8Array | AddressRange,
    access: MemoryRegionAccess,
    onGone: (region: MemoryRegion) => void,
  ) {
    const flags = accessFlags(access);
    this.#context = context;
    this.#onGone = onGone;
    this.length = memory.length;
    this.address = memory instanceof Uint8Array ? addressOf(memory) : memory.address;
    checkRange(this.address, this.length);
    const { library } = context;
    this.#pointer = library.regMr(protectionDomain, this.address, this.length, flags);
    if (this.#pointer === 0) {
      throw verbFailed('ibv_reg_mr', library.errno[0] as number, `${this.length} bytes`);
    }
    const { ibv_mr } = structs;
    const view = foreign(this.#pointer, ibv_mr.size);
    this.localKey = view.getUint32(ibv_mr.lkey, true);
    this.remoteKey = view.getUint32(ibv_mr.rkey, true);
    if (memory instanceof Uint8Array) {
      this.#memory = memory;
      pin(memory.buffer);
    }
  }

  /**
   * Deregisters the memory: when this returns, neither side can access it by the keys. Idempotent.
   */
  close(): void {
    if (this.#pointer === 0) return;
    const errno = this.#context.library.deregMr(this.#pointer);
    // It is still registered then, and the memory must stay.
    if (errno !== 0) throw verbFailed('ibv_dereg_mr', errno, `${this.length} bytes`);
    this.#pointer = 0;
    if (this.#memory !== undefined) unpin(this.#memory.buffer);
    this.#memory = undefined;
    this.#onGone(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function checkRange(address: number, length: number): void {
  if (!Number.isSafeInteger(length) || length < 1) {
    throw invalid(`a memory region of ${length} bytes: give a positive whole number`);
  }
  if (!Number.isSafeInteger(address) || address < 1 || !Number.isSafeInteger(address + length)) {
    throw invalid(`a memory region at address ${address}: give the address of mapped memory`);
  }
}
