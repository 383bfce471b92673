import { setImmediate } from 'node:timers/promises';
import { advanceIova, canonicalIova, type Iova, iovaText } from '../address.js';
import { VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { DmaMapping } from '../memory/mapping.js';
import { offsetInPage, PAGE_BYTES } from '../memory/page.js';
import { checkOptions } from '../option-faults.js';
import { SMALLEST_PAGE_BYTES } from '../pci/mappable-areas.js';
import { Irq } from '../protocol/enums.js';
import { DeviceInstance } from '../server/device-instance.js';
import type { InterruptMode, PciDevice, PciDeviceDefinition, ResetKind } from './device.js';
import { readRegion, writeRegion } from './region.js';
import { disable, enable, unmaskIntx } from './test-interrupts.js';
import { TestGuestMemory, TestMessages, writeText } from './test-memory.js';

/** Timeout of {@link TestHost.until}, ms. */
const PATIENCE_MS = 10_000;

const INDEXES = { msix: Irq.MSIX, msi: Irq.MSI, intx: Irq.INTX } as const;

/** Options of {@link TestHost.plugIn}. */
export interface TestHostOptions {
  /** Page size of the host, bytes. Default 4096. */
  readonly pageBytes?: number;
  /** Interrupts that the driver enables. Default: MSI-X, or the best that the device has. */
  readonly interrupts?: InterruptMode;
}

/** How guest memory is mapped for the device. */
export interface TestMapping {
  /** Rights of the device. Default `rw`. */
  readonly rights?: 'r' | 'w' | 'rw';
  /** Access: `shared`, as with a local client (default), or `messages`, as over a network. */
  readonly by?: 'shared' | 'messages';
}

/**
 * A host for tests of a device. It applies the core's real checks of guest memory, ordering and
 * interrupts, while the test plays the guest and its driver.
 *
 * ```ts
 * const host = await TestHost.plugIn(counter, { modulus: 10 });
 * host.write(0, 4, 4, 12);
 * assert.deepEqual(host.events, ['msix 0']);
 * ```
 */
export class TestHost {
  readonly device: PciDevice;
  /**
   * Events that the guest sees, in order: `write 0x1000 4` (address and bytes; not for stores
   * through a view), `msix 0`, `msi 3`, `intx`, `error`, `release`.
   */
  readonly events: string[] = [];
  /** Messages that the device logged. */
  readonly logged: string[];
  /** MSI and MSI-X vectors sent, in order. */
  readonly raised: number[] = [];
  /** Called at each interrupt, like an interrupt handler. */
  onInterrupt: () => void = () => {};
  /** The DMA messages for guest memory that is not shared. */
  readonly messages: TestMessages;
  readonly #instance: DeviceInstance;
  readonly #guest: { readonly base: Iova; readonly bytes: Uint8Array }[] = [];
  readonly #bytes = new Map<DmaMapping, Uint8Array>();

  private constructor(instance: DeviceInstance, device: PciDevice, logged: string[]) {
    const { dma } = instance;
    this.#instance = instance;
    this.device = device;
    this.logged = logged;
    this.messages = new TestMessages(
      dma.fence,
      (mapping) => this.#bytes.get(mapping) ?? new Uint8Array(mapping.size),
      (address, length) => this.events.push(writeText(address, length)),
      (error) => dma.fault(error),
    );
    dma.connect(this.messages);
  }

  /**
   * Create the device with options as `--set` takes them.
   * @throws {VfioUserError} `VFU_CONFIG_INVALID` when the device refuses them.
   */
  static async plugIn<Options>(
    definition: PciDeviceDefinition<Options>,
    settings: Readonly<Record<string, unknown>> = {},
    { pageBytes = SMALLEST_PAGE_BYTES, interrupts }: TestHostOptions = {},
  ): Promise<TestHost> {
    const { options, faults } = checkOptions(definition.options, settings);
    if (faults !== undefined) {
      throw new VfioUserError('VFU_CONFIG_INVALID', `${definition.name}: ${faults.join('; ')}`);
    }
    const logged: string[] = [];
    let device: PciDevice | undefined;
    const kept: PciDeviceDefinition<Options> = {
      ...definition,
      create: async (host, given) => {
        device = await definition.create(host, given);
        return device;
      },
    };
    const logger = listLogger(logged);
    const instance = await DeviceInstance.create(kept, options, logger, { pageBytes });
    const host = new TestHost(instance, device as PciDevice, logged); // create() has made it
    const best = (['msix', 'msi', 'intx'] as const).find((mode) => host.#count(mode) > 0);
    host.useInterrupts(interrupts ?? best ?? 'none');
    return host;
  }

  // ---- registers

  /** Driver register read of any size within a BAR; 1, 2, 4 and 8 bytes are one access. */
  read(bar: number, offset: number, size: number): number {
    const bytes = this.readBytes(bar, offset, size);
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** Driver register write. */
  write(bar: number, offset: number, size: number, value: number): void {
    const bytes = new Uint8Array(size);
    for (let at = 0, rest = value; at < size; at++, rest = Math.floor(rest / 256)) bytes[at] = rest;
    this.writeBytes(bar, offset, bytes);
  }

  /** @param region a BAR, or another `Region`. @throws {RequestRefusedError} beyond its end. */
  readBytes(region: number, offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    readRegion(this.#region(region), offset, bytes);
    unmaskIntx(this.#instance.interrupts);
    return bytes;
  }

  writeBytes(region: number, offset: number, bytes: Uint8Array): void {
    writeRegion(this.#region(region), offset, bytes);
    unmaskIntx(this.#instance.interrupts);
  }

  // ---- guest memory

  /**
   * Map guest memory for the device, in whole pages.
   * @param memory existing bytes, or the number of bytes to allocate.
   * @returns the memory, for the guest.
   * @throws {RangeError} when these are no whole pages.
   */
  map(address: Iova, memory: number | Uint8Array, mapping: TestMapping = {}): Uint8Array {
    const bytes = typeof memory === 'number' ? new Uint8Array(memory) : memory;
    checkPages(address, bytes.length);
    this.#guest.push({ base: address, bytes });
    this.#map(address, bytes, mapping);
    return bytes;
  }

  /** The guest's own view of memory that was mapped, also after it was unmapped. */
  guest(address: Iova, length: number): Uint8Array {
    for (const { base, bytes } of this.#guest) {
      const offset = Number(BigInt(address) - BigInt(base));
      if (offset >= 0 && offset + length <= bytes.length) {
        return bytes.subarray(offset, offset + length);
      }
    }
    throw new RangeError(`the guest has no ${length} bytes of memory at ${iovaText(address)}`);
  }

  /**
   * Unmap a range of whole pages; the rest of its mapping stays mapped.
   * @throws {RangeError} when these are no whole pages of one mapping.
   */
  unmap(address: Iova, length: number): void {
    checkPages(address, length);
    const { dma } = this.#instance;
    const mapping = dma.mappingAt(address, length);
    const bytes = this.#bytes.get(mapping) as Uint8Array; // of a mapping of ours
    const { address: base, size, readable, writable, memory } = mapping;
    const start = mapping.offsetOf(address);
    if (start + length > size) throw new RangeError(`${mapping} ends before that`);
    const rights = readable ? (writable ? 'rw' : 'r') : 'w';
    const by = memory === undefined ? 'messages' : 'shared';
    void dma.remove(mapping);
    this.#bytes.delete(mapping);
    const after = start + length;
    if (start > 0) this.#map(base, bytes.subarray(0, start), { rights, by });
    if (after < size) {
      this.#map(advanceIova(base, after), bytes.subarray(after), { rights, by });
    }
  }

  /** Unmap everything. */
  unmapAll(): void {
    void this.#instance.dma.removeAll();
    this.#bytes.clear();
  }

  // ---- interrupts

  /**
   * Switch the driver to another kind of interrupt.
   * @throws {RangeError} when the device has none of that kind.
   */
  useInterrupts(mode: InterruptMode): void {
    if (mode !== 'none' && this.#count(mode) === 0) {
      throw new RangeError(`the device has no ${mode} interrupts`);
    }
    const { interrupts } = this.#instance;
    for (const index of Object.values(INDEXES)) disable(interrupts, index);
    this.#enable(Irq.ERR, 'error');
    this.#enable(Irq.REQ, 'release');
    if (mode !== 'none') this.#enable(INDEXES[mode], mode);
  }

  /** Whether the device asserts INTx. */
  get intx(): boolean {
    return this.#instance.interrupts.intxAsserted;
  }

  // ---- reset and waiting

  /** Reset the device and everything a driver programmed around it. */
  async reset(kind: ResetKind): Promise<void> {
    await this.#instance.reset(kind);
  }

  close(): Promise<void> {
    return this.#instance.close();
  }

  /**
   * Run the event loop until `condition` holds.
   * @param what for the error, if it does not hold within 10 seconds.
   */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!condition()) {
      if (performance.now() > deadline) {
        const last = this.events.slice(-5).join(', ') || 'nothing';
        throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s; the guest last saw: ${last}`);
      }
      await setImmediate();
    }
  }

  #region(index: number) {
    const region = this.#instance.pci.region(index);
    if (region === undefined) throw new RangeError(`the device has no region ${index}`);
    return region;
  }

  #map(address: Iova, bytes: Uint8Array, { rights = 'rw', by = 'shared' }: TestMapping): void {
    const request = {
      address,
      size: bytes.length,
      readable: rights !== 'w',
      writable: rights !== 'r',
      fileOffset: 0n,
    };
    const memory = new TestGuestMemory(bytes, (offset, length) =>
      this.events.push(writeText(advanceIova(address, offset), length)),
    );
    const { mapping } = this.#instance.dma.add(request, {
      isSame: () => false,
      take: () => ({ memory: by === 'shared' ? memory : undefined }),
    });
    this.#bytes.set(mapping, bytes);
  }

  #count(mode: keyof typeof INDEXES): number {
    return this.#instance.interrupts.info(INDEXES[mode]).count;
  }

  #enable(index: number, name: string): void {
    const isMessage = index === Irq.MSIX || index === Irq.MSI;
    enable(this.#instance.interrupts, index, (vector) => {
      this.events.push(isMessage ? `${name} ${vector}` : name);
      if (isMessage) this.raised.push(vector);
      this.onInterrupt();
    });
  }
}

function listLogger(logged: string[]): Logger {
  const log = (_fields: object, message: string): void => void logged.push(message);
  const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
  return logger;
}

function checkPages(address: Iova, length: number): void {
  const start = offsetInPage(canonicalIova(address));
  if (start === 0 && length > 0 && length % PAGE_BYTES === 0) return;
  throw new RangeError(`${length} bytes at ${iovaText(address)}: not whole pages of ${PAGE_BYTES}`);
}
