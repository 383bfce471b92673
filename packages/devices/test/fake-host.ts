import { setImmediate } from 'node:timers/promises';
import {
  type BarIndex,
  type DeviceHost,
  type DeviceMemory,
  type Dma,
  DmaFaultError,
  type DmaRange,
  errno,
  type InterruptMode,
  type Interrupts,
  type Iova,
  type Logger,
  type PciDevice,
  type RegisterAccess,
} from '@vfio-user/core';

export interface FakeHostOptions {
  /** Guest memory, bytes. */
  readonly memory?: number;
  /** Where guest memory starts. */
  readonly base?: Iova;
  /**
   * Whether the guest memory at an offset is shared. What is not is reached by messages, as over a
   * network. Default: all is.
   */
  readonly isShared?: (offset: number) => boolean;
  readonly interruptMode?: InterruptMode;
}

/** A machine to plug a device into: guest memory in an array, interrupts and log lines recorded. */
export class FakeHost implements DeviceHost {
  readonly pushes = { add: () => () => {} };
  readonly dma: FakeDma;
  readonly interrupts: FakeInterrupts;
  readonly logger: Logger;
  /** What the guest would notice, in order: `write <offset> <length>`, `raise <vector>`. */
  readonly events: string[] = [];
  readonly logged: string[] = [];

  constructor(options: FakeHostOptions = {}) {
    this.dma = new FakeDma(options, this.events);
    this.interrupts = new FakeInterrupts(options.interruptMode ?? 'msix', this.events);
    const log = (_fields: object, message: string): void => void this.logged.push(message);
    this.logger = { debug: log, info: log, warn: log, error: log, child: () => this.logger };
  }

  /** Guest memory. */
  get guest(): Uint8Array {
    return this.dma.guest;
  }

  pageBytes = 4096;

  fail(error: unknown): void {
    throw error;
  }

  allocateDeviceMemory(_name: string, length: number): DeviceMemory {
    const bytes = new Uint8Array(length);
    return {
      bytes,
      readBlock: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
      writeBlock: (offset, source) => bytes.set(source, offset),
      close() {},
    };
  }
}

export class FakeInterrupts implements Interrupts {
  mode: InterruptMode;
  /** Vectors in the order raised. */
  readonly raised: number[] = [];
  /** Level of the INTx line. */
  intx = false;
  errors = 0;
  releases = 0;
  readonly #events: string[];

  constructor(mode: InterruptMode, events: string[]) {
    this.mode = mode;
    this.#events = events;
  }

  raise(vector: number): void {
    this.raised.push(vector);
    this.#events.push(`raise ${vector}`);
  }

  setIntx(asserted: boolean): void {
    this.intx = asserted;
  }

  raiseError(): void {
    this.errors++;
  }

  requestRelease(): void {
    this.releases++;
  }
}

export class FakeDma implements Dma {
  readonly guest: Uint8Array;
  /** Messages under way now, and the most there were at once. */
  underWay = 0;
  mostUnderWay = 0;
  /** Calls of {@link cancelWaiting}. */
  cancels = 0;
  readonly #base: bigint;
  readonly #isShared: (offset: number) => boolean;
  readonly #events: string[];
  #nextFailure: Error | undefined;

  constructor(
    { memory = 2 ** 20, base = 0, isShared = () => true }: FakeHostOptions,
    events: string[],
  ) {
    this.guest = new Uint8Array(memory);
    this.#base = BigInt(base);
    this.#isShared = isShared;
    this.#events = events;
  }

  /** Let the next access by message fail after it has left. */
  failNext(error: Error): void {
    this.#nextFailure = error;
  }

  range(iova: Iova, length: number): DmaRange {
    const { length: bytes } = this.#view(iova, length);
    const map = () => this.map(iova, length);
    const place = (offset: number) => Number(iova) + offset;
    return {
      iova,
      length: bytes,
      get local() {
        return map() !== undefined;
      },
      get view() {
        return map();
      },
      read: (target, offset = 0) =>
        this.tryRead(place(offset), target) ? undefined : this.read(place(offset), target),
      write: (source, offset = 0) =>
        this.tryWrite(place(offset), source) ? undefined : this.write(place(offset), source),
    };
  }

  map(iova: Iova, length: number): Uint8Array | undefined {
    const view = this.#view(iova, length);
    return this.#isShared(view.byteOffset) ? view : undefined;
  }

  tryRead(iova: Iova, target: Uint8Array): boolean {
    const view = this.#view(iova, target.length);
    if (!this.#isShared(view.byteOffset)) return false;
    target.set(view);
    return true;
  }

  tryWrite(iova: Iova, source: Uint8Array): boolean {
    const view = this.#view(iova, source.length);
    if (!this.#isShared(view.byteOffset)) return false;
    this.#record(view);
    view.set(source);
    return true;
  }

  async read(iova: Iova, target: Uint8Array): Promise<void> {
    const view = this.#view(iova, target.length);
    await this.#message();
    target.set(view);
  }

  cancelWaiting(): void {
    this.cancels++;
  }

  async write(iova: Iova, source: Uint8Array): Promise<void> {
    const view = this.#view(iova, source.length);
    this.#record(view);
    await this.#message();
    view.set(source);
  }

  onMap(): void {}

  onUnmap(): void {}

  async #message(): Promise<void> {
    const failure = this.#nextFailure;
    this.#nextFailure = undefined;
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    // Longer than a device needs to notice that it should wait.
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    this.underWay--;
    if (failure !== undefined) throw failure;
  }

  #record(view: Uint8Array): void {
    this.#events.push(`write ${view.byteOffset} ${view.length}`);
  }

  #view(iova: Iova, length: number): Uint8Array {
    const offset = BigInt(iova) - this.#base;
    if (offset < 0n || offset + BigInt(length) > BigInt(this.guest.length)) {
      throw new DmaFaultError(errno.EFAULT, `0x${iova.toString(16)} is not mapped`);
    }
    return this.guest.subarray(Number(offset), Number(offset) + length);
  }
}

/** The registers of a BAR. */
export function registersOf(device: PciDevice, bar: BarIndex): RegisterAccess {
  const access = device.bars?.[bar]?.access;
  if (access === undefined || !('read' in access)) throw new Error(`BAR${bar} has no registers`);
  return access;
}

/** Let the event loop turn until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}
