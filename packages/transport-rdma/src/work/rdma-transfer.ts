import { type Iova, VfioUserError } from '@vfio-user/core';

/** The connection was lost before a transfer was known to be done. */
export class InterruptedTransferError extends VfioUserError {
  /** The packet after its last one, if all of them were posted. */
  readonly end: number | undefined;

  constructor(cause: Error, end: number | undefined) {
    super('VFU_PEER_CLOSED', cause.message, { cause });
    this.end = end;
  }
}

/** A transfer between local memory and the peer's, in any number of requests. */
export class RdmaTransfer {
  readonly reads: boolean;
  readonly data: Uint8Array;
  readonly remoteAddress: number;
  readonly remoteKey: number;
  /** Bytes that were posted. */
  posted = 0;
  /** The packet after its last one, once all of it was posted. */
  end: number | undefined;
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

  /** Another `bytes` of it have completed. */
  completed(bytes: number): void {
    this.#completed += bytes;
    if (this.#completed === this.data.length) this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(new InterruptedTransferError(error, this.end));
  }
}

/** The address for an adapter; `undefined` for one that no process has. */
export function adapterAddress(address: Iova): number | undefined {
  return typeof address === 'number' ? address : undefined;
}
