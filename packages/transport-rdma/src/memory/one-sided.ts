import {
  type AccessRights,
  type AdapterProgress,
  DmaFaultError,
  type ExposedMemory,
  type ExposedRange,
  errno,
  type MappedMemory,
  type OneSidedMemory,
} from '@vfio-user/core';
import { adapterAddress, RdmaTransfer } from '../work/rdma-transfer.js';

/** What copies, and what makes memory reachable. */
export interface OneSidedParts {
  readonly description: string;
  /** Number of the peer's queue pair. */
  readonly peerId: number;
  progress(): AdapterProgress | undefined;
  tookEffect(error: unknown, position: number): boolean;
  /** Takes over the transfer, or fails it. */
  start(transfer: RdmaTransfer): void;
  register(memory: MappedMemory, rights: AccessRights): ExposedMemory;
}

/** Memory of the peer, read and written by this side's adapter, and the other way round. */
export class RdmaOneSidedMemory implements OneSidedMemory {
  readonly description: string;
  readonly peerId: number;
  readonly #parts: OneSidedParts;

  constructor(parts: OneSidedParts) {
    this.description = parts.description;
    this.peerId = parts.peerId;
    this.#parts = parts;
  }

  get progress(): AdapterProgress | undefined {
    return this.#parts.progress();
  }

  tookEffect(error: unknown, position: number): boolean {
    return this.#parts.tookEffect(error, position);
  }

  expose(memory: MappedMemory, rights: AccessRights): ExposedMemory {
    return this.#parts.register(memory, rights);
  }

  read(range: ExposedRange, offset: number, target: Uint8Array): Promise<void> {
    return this.#transfer(true, range, offset, target);
  }

  write(range: ExposedRange, offset: number, source: Uint8Array): Promise<void> {
    return this.#transfer(false, range, offset, source);
  }

  #transfer(reads: boolean, range: ExposedRange, offset: number, data: Uint8Array): Promise<void> {
    if (data.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const address = adapterAddress(range.address);
      if (address === undefined || offset + data.length > range.length) {
        reject(new DmaFaultError(errno.EFAULT, 'the client exposed no such memory'));
        return;
      }
      const remote = { address: address + offset, key: range.key };
      this.#parts.start(new RdmaTransfer(reads, data, remote, { resolve, reject }));
    });
  }
}
