import {
  type BarDefinition,
  type BarIndex,
  type Capability,
  type ClientTraits,
  type DeviceHost,
  type DeviceMemory,
  type DeviceMigration,
  deviceSerialNumber,
  msi,
  msix,
  type PciDevice,
  type PciDeviceDefinition,
  pciExpress,
  powerManagement,
  type ResetKind,
} from '@vfio-user/core';

export interface TestDeviceOptions {
  /** 4096 bytes of configuration space instead of 256. */
  readonly express?: boolean;
  /** Without: conventional INTx, ERR and REQ only. */
  readonly messages?: boolean;
  readonly migration?: boolean;
}

export const PLAIN_BAR = 0;
export const SPARSE_BAR = 1;
export const LARGE_BAR = 2;
export const WRITE_ONLY_BAR = 4;
export const EVENTS_BAR = 5;
export const ROM = 6;
export const MISSING_REGION = 8;

export const SPARSE_AREAS = [
  { offset: 0x1000, size: 0x1000 },
  { offset: 0x3000, size: 0x1000 },
] as const;
export const LARGE_BYTES = 8 * 2 ** 30;
export const IO_EVENTS = 6;
export const MSIX_VECTORS = 2048;

/** A device with a region of every kind that writes down what happens to it. */
export class TestDevice implements PciDevice {
  readonly identity = { vendorId: 0x1234, deviceId: 0x5678, classCode: 0xff0000 };
  readonly intx = true;
  readonly capabilities: readonly Capability[];
  readonly bars: Readonly<Partial<Record<BarIndex, BarDefinition>>>;
  readonly rom = { size: 2048, access: memory(Buffer.alloc(2048, 0xcc)) };
  readonly migration?: DeviceMigration;
  readonly host: DeviceHost;
  /** BAR0. */
  readonly registers = Buffer.alloc(4096);
  readonly sparse: DeviceMemory;
  /** What MIG_DATA_READ hands out. */
  savedState: Uint8Array = Buffer.alloc(0);
  resumedState: Uint8Array = Buffer.alloc(0);
  onQuiesce: () => void | Promise<void> = () => {};
  onReset: (kind: ResetKind) => void | Promise<void> = () => {};
  mayMap: (client: ClientTraits) => boolean = () => true;
  onTransition: (from: number, to: number) => void | Promise<void> = () => {};
  onMigrationData: () => void = () => {};
  onRegisterWrite: (offset: number, value: number) => void = () => {};
  #calls: string[] = [];

  constructor(host: DeviceHost, { express, messages, migration }: TestDeviceOptions) {
    this.host = host;
    this.sparse = host.allocateDeviceMemory('sparse', 0x4000);
    this.capabilities = capabilities(express ?? false, messages ?? true);
    this.bars = this.#bars();
    if (migration === true) this.migration = this.#migration();
    host.dma.onMap((iova, length) => this.#note(`map 0x${iova.toString(16)} ${length}`));
    host.dma.onUnmap((iova, length) => this.#note(`unmap 0x${iova.toString(16)} ${length}`));
  }

  /** What happened since the last time, in order. */
  takeCalls(): string[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls;
  }

  quiesce(): void | Promise<void> {
    this.#note('quiesce');
    return this.onQuiesce();
  }

  reset(kind: ResetKind): void | Promise<void> {
    this.#note(`reset ${kind}`);
    return this.onReset(kind);
  }

  close(): void {
    this.#note('close');
  }

  #note(call: string): void {
    this.#calls.push(call);
  }

  #bars(): Readonly<Partial<Record<BarIndex, BarDefinition>>> {
    const { sparse, registers } = this;
    return {
      [PLAIN_BAR]: {
        kind: 'memory32',
        size: registers.length,
        access: {
          read: (offset, size) => registers.readUIntLE(offset, size),
          write: (offset, size, value) => {
            registers.writeUIntLE(value, offset, size);
            this.onRegisterWrite(offset, value);
          },
        },
      },
      [SPARSE_BAR]: {
        kind: 'memory32',
        size: 0x4000,
        access: sparse,
        memory: sparse,
        mappable: SPARSE_AREAS,
        mayMap: (client) => this.mayMap(client),
      },
      [LARGE_BAR]: { kind: 'memory64', size: LARGE_BYTES, access: zeros },
      [WRITE_ONLY_BAR]: { kind: 'memory32', size: 4096, access: zeros, readable: false },
      [EVENTS_BAR]: {
        kind: 'memory32',
        size: 0x2_0000,
        access: zeros,
        ioEvents: Array.from({ length: IO_EVENTS }, (_, index) => ({
          offset: index * 8,
          size: 8,
          datamatch: index === 0 ? 0x1_0000_0002n : undefined,
          onSignal: () => this.#note(`signal ${index}`),
        })),
      },
    };
  }

  #migration(): DeviceMigration {
    return {
      preCopy: true,
      transition: (from, to) => {
        this.#note(`transition ${from} ${to}`);
        return this.onTransition(from, to);
      },
      readData: (size) => {
        this.onMigrationData();
        const piece = this.savedState.subarray(0, size);
        this.savedState = this.savedState.subarray(size);
        return piece;
      },
      writeData: (data) => {
        this.onMigrationData();
        this.resumedState = Buffer.concat([this.resumedState, data]);
      },
    };
  }
}

/** A definition that hands the device it makes to the test. */
export function testDefinition(
  created: (device: TestDevice) => void,
): PciDeviceDefinition<TestDeviceOptions> {
  return {
    name: 'test',
    summary: 'Records what a client does to it',
    // serve() takes options that were parsed already: nobody uses the schema.
    options: undefined as unknown as PciDeviceDefinition<TestDeviceOptions>['options'],
    create(host, options) {
      const device = new TestDevice(host, options);
      created(device);
      return device;
    },
  };
}

function capabilities(express: boolean, messages: boolean): readonly Capability[] {
  const interrupts = messages
    ? [msi({ vectors: 4 }), msix({ vectors: MSIX_VECTORS, table: { bar: 5, offset: 0x1_0000 } })]
    : [];
  const conventional = [powerManagement(), ...interrupts];
  return express
    ? [pciExpress(), ...conventional, deviceSerialNumber(0x1122_3344_5566_7788n)]
    : conventional;
}

const zeros = {
  readBlock: (_offset: number, target: Uint8Array) => void target.fill(0),
  writeBlock: () => {},
};

function memory(bytes: Uint8Array): BarDefinition['access'] {
  return {
    readBlock: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
    writeBlock: (offset, source) => bytes.set(source, offset),
  };
}
