import {
  type DeviceHost,
  type DeviceMemory,
  type Dma,
  type DmaAccess,
  DmaFaultError,
  type DmaRange,
  type InterruptMode,
  type Iova,
  silentLogger,
} from '@vfio-user/core';

const EFAULT = 14;

/** How guest memory is reached: as views, or only by messages. */
export type MemoryMode = 'mapped' | 'messages';

/** Where guest memory starts, so that address 0 is a fault. */
export const GUEST_BASE = 0x10_0000;
export const GUEST_BYTES = 32 * 1024 * 1024;
/** Guest memory the device may read, but not write. */
export const READ_ONLY_BASE = 0x8000_0000;
export const READ_ONLY_BYTES = 64 * 1024;

interface Region {
  readonly base: number;
  readonly bytes: Uint8Array;
  readonly writable: boolean;
}

/** The machine around the device: guest memory, and what the device does with its interrupts. */
export class FakeHost implements DeviceHost, Dma {
  readonly pushes = { add: () => () => {} };
  readonly dma = this;
  readonly logger = silentLogger;
  readonly raised: number[] = [];
  readonly mode: MemoryMode;
  interruptMode: InterruptMode = 'msix';
  intx = false;
  /** Called behind the writes that were issued before. */
  onInterrupt: () => void = () => {};
  /** Messages that were sent and not yet carried out, while held. */
  readonly held: (() => void)[] = [];
  isHeld = false;
  messages = 0;
  readonly #unmapped: { readonly base: number; readonly end: number }[] = [];
  readonly #regions: Region[] = [
    { base: GUEST_BASE, bytes: new Uint8Array(GUEST_BYTES), writable: true },
    { base: READ_ONLY_BASE, bytes: new Uint8Array(READ_ONLY_BYTES), writable: false },
  ];

  constructor(mode: MemoryMode) {
    this.mode = mode;
  }

  fail(error: unknown): void {
    throw error;
  }

  /** The guest's own access. */
  guest(iova: number, length: number): Uint8Array {
    return this.#find(iova, length, false);
  }

  unmapAll(): void {
    this.#regions.length = 0;
  }

  unmap(base: number, length: number): void {
    this.#unmapped.push({ base, end: base + length });
  }

  readonly interrupts = {
    host: this as FakeHost,
    get mode(): InterruptMode {
      return this.host.interruptMode;
    },
    raise: (vector: number): void => {
      if (this.interruptMode !== 'msix') return;
      this.#inOrder(() => {
        this.raised.push(vector);
        this.onInterrupt();
      });
    },
    setIntx: (asserted: boolean): void => {
      this.intx = asserted;
      if (asserted) this.#inOrder(() => this.onInterrupt());
    },
    raiseError(): void {},
    requestRelease(): void {},
  };

  pageBytes = 4096;

  allocateDeviceMemory(_name: string, length: number): DeviceMemory {
    const bytes = new Uint8Array(length);
    return {
      bytes,
      readBlock: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
      writeBlock: (offset, source) => bytes.set(source, offset),
      close() {},
    };
  }

  range(iova: Iova, length: number, access: DmaAccess): DmaRange {
    this.#find(iova, length, access !== 'read');
    const map = () => this.map(iova, length, access);
    const place = (offset: number) => Number(iova) + offset;
    return {
      iova,
      length,
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

  map(iova: Iova, length: number, access: 'read' | 'write' | 'readwrite'): Uint8Array | undefined {
    const view = this.#find(iova, length, access !== 'read');
    return this.mode === 'mapped' ? view : undefined;
  }

  tryRead(iova: Iova, target: Uint8Array): boolean {
    const view = this.#find(iova, target.length, false);
    if (this.mode === 'messages') return false;
    target.set(view);
    return true;
  }

  tryWrite(iova: Iova, source: Uint8Array): boolean {
    const view = this.#find(iova, source.length, true);
    if (this.mode === 'messages') return false;
    view.set(source);
    return true;
  }

  async read(iova: Iova, target: Uint8Array): Promise<void> {
    await this.#message(() => target.set(this.#find(iova, target.length, false)));
  }

  /** A message that was sent has left. */
  cancelWaiting(): void {}

  async write(iova: Iova, source: Uint8Array): Promise<void> {
    this.#find(iova, source.length, true);
    await this.#message(() => this.#find(iova, source.length, true).set(source));
  }

  onMap(): void {}
  onUnmap(): void {}

  /** Carry out what was held, and hold no more. */
  release(): void {
    this.isHeld = false;
    for (const message of this.held.splice(0)) message();
  }

  #message(run: () => void): Promise<void> {
    this.messages++;
    return new Promise((resolve, reject) => {
      this.#inOrder(() => {
        try {
          run();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #inOrder(run: () => void): void {
    if (this.mode === 'mapped') run();
    else if (this.isHeld) this.held.push(run);
    else setImmediate(run);
  }

  #find(iova: Iova, length: number, isWrite: boolean): Uint8Array {
    const isGone = this.#unmapped.some(
      ({ base, end }) => base < Number(iova) + length && iova < end,
    );
    for (const { base, bytes, writable } of this.#regions) {
      const offset = Number(iova) - base;
      if (isGone || offset < 0 || offset + length > bytes.length || (isWrite && !writable))
        continue;
      return bytes.subarray(offset, offset + length);
    }
    throw new DmaFaultError(EFAULT, `no guest memory at 0x${iova.toString(16)}`);
  }
}
