import type { Iova } from '@vfio-user/core';

/** A copy between memory of ours and memory of the peer, in as many requests as it takes. */
export class RdmaTransfer {
  readonly reads: boolean;
  readonly data: Uint8Array;
  readonly remoteAddress: number;
  readonly remoteKey: number;
  /** Bytes that were posted. */
  posted = 0;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  #completed = 0;

  constructor(
    reads: boolean,
    data: Uint8Array,
    remote: { readonly address: number; readonly key: number },
    outcome: { resolve: () => void; reject: (error: Error) => void },
  ) {
    this.reads = reads;
    this.data = data;
    this.remoteAddress = remote.address;
    this.remoteKey = remote.key;
    this.#resolve = outcome.resolve;
    this.#reject = outcome.reject;
  }

  get left(): number {
    return this.data.length - this.posted;
  }

  /** The adapter has done another `bytes` of it. */
  completed(bytes: number): void {
    this.#completed += bytes;
    if (this.#completed === this.data.length) this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** The address as adapters take it; `undefined` for one that no process has. */
export function adapterAddress(address: Iova): number | undefined {
  return typeof address === 'number' ? address : undefined;
}
