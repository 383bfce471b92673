import { type Iova, iovaText } from '../address.js';
import { PrivateMemory } from '../device-end/guest-memory.js';
import { ECANCELED } from '../errno.js';
import { DmaFaultError, RemoteError } from '../errors.js';
import type { DmaMapping } from '../memory/mapping.js';
import type { RemoteDma } from '../memory/remote-dma.js';
import type { WriteFence } from '../memory/write-fence.js';
import type { WriteOrder } from './dma.js';

/** Guest memory in an array that reports writes. After an unmap, views read zeros, too. */
export class TestGuestMemory extends PrivateMemory {
  readonly #onWrite: (offset: number, length: number) => void;

  constructor(bytes: Uint8Array, onWrite: (offset: number, length: number) => void) {
    super(bytes);
    this.#onWrite = onWrite;
  }

  override write(offset: number, source: Uint8Array): void {
    super.write(offset, source);
    this.#onWrite(offset, source.length);
  }
}

interface Message {
  readonly mapping: DmaMapping;
  /** Reply, or refuse with an error. */
  end(error?: Error): void;
}

/** DMA messages to the owner of guest memory, answered in order: soon, or when the test says so. */
export class TestMessages implements RemoteDma {
  /** Number of messages sent. */
  sent = 0;
  /** The guest takes posted writes: they are done at once, see {@link WriteOrder}. */
  posts = false;
  /** Most messages in flight at once. */
  mostUnderWay = 0;
  /** Selects the messages, by address, that wait for {@link answer}. */
  hold: (address: Iova) => boolean = () => false;
  readonly #fence: WriteFence;
  readonly #bytesOf: (mapping: DmaMapping) => Uint8Array;
  readonly #onWrite: (address: Iova, length: number) => void;
  readonly #onFault: (error: Error) => void;
  #underWay: Message[] = [];
  #failure: Error | undefined;

  constructor(
    fence: WriteFence,
    bytesOf: (mapping: DmaMapping) => Uint8Array,
    onWrite: (address: Iova, length: number) => void,
    onFault: (error: Error) => void,
  ) {
    this.#fence = fence;
    this.#bytesOf = bytesOf;
    this.#onWrite = onWrite;
    this.#onFault = onFault;
  }

  get underWay(): number {
    return this.#underWay.length;
  }

  /** The next message is answered with this error. */
  failNext(error: Error): void {
    this.#failure = error;
  }

  /** Answer the messages in flight; messages sent in consequence are not answered. */
  answer(): void {
    for (const message of this.#underWay.slice()) message.end();
  }

  /** Answer all messages, and hold no more. */
  release(): void {
    this.hold = () => false;
    this.answer();
  }

  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void> {
    return this.#send(mapping, address, undefined, () =>
      target.set(this.#place(mapping, address, target.length)),
    );
  }

  write(
    mapping: DmaMapping,
    address: Iova,
    source: Uint8Array,
    order?: WriteOrder,
  ): Promise<void> | undefined {
    const store = (): void => {
      this.#place(mapping, address, source.length).set(source);
      this.#onWrite(address, source.length);
    };
    if (order !== 'posted' || !this.posts) {
      return this.#send(mapping, address, this.#fence.begin(), store);
    }
    this.sent++;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure === undefined) store();
    else setImmediate(() => this.#onFault(failure));
    return undefined;
  }

  cancel(mapping: DmaMapping): undefined {
    const error = new DmaFaultError(ECANCELED, `DMA to ${mapping}: unmapped while under way`);
    for (const message of this.#underWay.slice()) {
      if (message.mapping === mapping) message.end(error);
    }
  }

  /** Nothing to cancel: messages are sent at once. */
  cancelWaiting(): void {}

  #send(
    mapping: DmaMapping,
    address: Iova,
    write: number | undefined,
    run: () => void,
  ): Promise<void> {
    const failure = this.#failure;
    this.#failure = undefined;
    this.sent++;
    return new Promise((resolve, reject) => {
      const message: Message = {
        mapping,
        end: (error = failure) => {
          const at = this.#underWay.indexOf(message);
          if (at < 0) return;
          this.#underWay.splice(at, 1);
          if (error === undefined) run();
          if (write !== undefined && error instanceof RemoteError) this.#fence.refuse(write);
          else if (write !== undefined) this.#fence.end(write);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#underWay.push(message);
      this.mostUnderWay = Math.max(this.mostUnderWay, this.#underWay.length);
      if (!this.hold(address)) setImmediate(() => message.end());
    });
  }

  #place(mapping: DmaMapping, address: Iova, length: number): Uint8Array {
    const offset = mapping.offsetOf(address);
    return this.#bytesOf(mapping).subarray(offset, offset + length);
  }
}

/** Text of a write in the list of events. */
export function writeText(address: Iova, length: number): string {
  return `write ${iovaText(address)} ${length}`;
}
