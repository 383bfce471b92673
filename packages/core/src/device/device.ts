import type { z } from 'zod';
import type { Logger } from '../logger.js';
import type { Capability } from '../pci/capabilities/capability.js';
import type { ResetKind } from '../pci/function-controls.js';
import type { BlockAccess, RegisterAccess } from './access.js';
import type { Dma, PushRings } from './dma.js';
import type { RegisterMap } from './register-table.js';

export type { ResetKind } from '../pci/function-controls.js';

/** What a device may ask of the machine it is plugged into. Lives as long as the device. */
export interface DeviceHost {
  readonly dma: Dma;
  readonly interrupts: Interrupts;
  readonly pushes: PushRings;
  readonly logger: Logger;
  /**
   * Bytes of a page of this host. A mappable area is mapped as far as it is made of whole pages,
   * the rest is trapped.
   */
  readonly pageBytes: number;
  /** Allocate memory that the client can map directly, where the transport allows it. */
  allocateDeviceMemory(name: string, length: number): DeviceMemory;
  /**
   * The device cannot go on, for example because work that it had started has failed: `error` is
   * logged, and until the next reset its BARs read as all ones and take no writes, as with a card
   * that fell off the bus. The configuration space stays, so that a driver can reset the function.
   */
  fail(error: unknown): void;
}

/** How the driver wants to be interrupted right now. */
export type InterruptMode = 'none' | 'intx' | 'msi' | 'msix';

export interface Interrupts {
  readonly mode: InterruptMode;
  /**
   * Send message `vector` by MSI-X or MSI, whichever is enabled. A masked vector becomes pending
   * and is sent on unmask. With neither enabled this does nothing: see {@link setIntx}.
   */
  raise(vector: number): void;
  /**
   * Drive the INTx line. Level-triggered: while asserted and unmasked, the client is told again
   * after every end of interrupt.
   */
  setIntx(asserted: boolean): void;
  /** Tell the client of an unrecoverable device error (VFIO ERR). */
  raiseError(): void;
  /** Ask the client to release the device (VFIO REQ). */
  requestRelease(): void;
}

/** Memory of the device's own which a client may map into the guest. */
export interface DeviceMemory extends BlockAccess {
  readonly bytes: Uint8Array;
  close(): void;
}

/**
 * A part of a region that the client may map; the rest is trapped. Offset and size are multiples of
 * 4096; a host with larger pages ({@link DeviceHost.pageBytes}) maps those that lie in it entirely.
 */
export interface MappableArea {
  /** Bytes from the start of the region. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

export interface IoEventDefinition {
  /** Bytes from the start of the region. */
  readonly offset: number;
  readonly size: number;
  readonly datamatch?: bigint | undefined;
  /** The client signalled the descriptor instead of writing the register. */
  onSignal(): void;
}

/** What tells clients apart. */
export interface ClientTraits {
  /** It said in VERSION what it can do. QEMU does; SPDK's client, which polls, says nothing. */
  readonly namesCapabilities: boolean;
}

/** What lies behind a region index. */
export interface RegionDefinition {
  /** Bytes. */
  readonly size: number;
  readonly access: RegisterAccess | BlockAccess;
  readonly readable?: boolean;
  readonly writable?: boolean;
  /** Memory whose areas the client may map; `memory.bytes[i]` is region offset `i`. */
  readonly memory?: DeviceMemory | undefined;
  readonly mappable?: readonly MappableArea[] | undefined;
  /**
   * Whether this client may map the areas, asked each time one that could looks at the region; absent,
   * every client may.
   */
  readonly mayMap?: ((client: ClientTraits) => boolean) | undefined;
  readonly ioEvents?: readonly IoEventDefinition[] | undefined;
}

export interface BarDefinition extends RegionDefinition {
  readonly kind: 'memory32' | 'memory64' | 'io';
  readonly prefetchable?: boolean;
}

export type BarIndex = 0 | 1 | 2 | 3 | 4 | 5;

/** What the configuration space says of the device. Numbers as lspci prints them. */
export interface PciIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  readonly revisionId?: number;
  /** 24 bits: base class, subclass, programming interface. */
  readonly classCode: number;
  readonly subsystemVendorId?: number;
  readonly subsystemId?: number;
}

/**
 * Live migration, for a device that supports it (VFIO migration v2). A device begins in RUNNING,
 * and any reset brings it back there without an arc.
 */
export interface DeviceMigration {
  readonly preCopy?: boolean;
  /**
   * One arc of the state machine. Throwing a RequestRefusedError refuses it with that errno and
   * means that the device is still in `from`; after any other error it is in ERROR.
   */
  transition(from: number, to: number): void | Promise<void>;
  /** Up to `size` bytes of state; empty at the end. */
  readData(size: number): Uint8Array;
  /** `data` is valid until this returns. */
  writeData(data: Uint8Array): void;
}

/** A device instance. Lives as long as the server, over any number of clients. */
export interface PciDevice {
  readonly identity: PciIdentity;
  /** Conventional PCI (256 bytes of configuration space) unless a `pciExpress` capability is listed. */
  readonly capabilities?: readonly Capability[];
  readonly bars?: Readonly<Partial<Record<BarIndex, BarDefinition>>>;
  readonly rom?: RegionDefinition;
  readonly vga?: RegionDefinition;
  /** The device uses interrupt pin A. */
  readonly intx?: boolean;
  /**
   * Back to the power-on state. Storage contents survive. Guest memory may be used in it.
   */
  reset(kind: ResetKind): void | Promise<void>;
  /**
   * A client has come back after its connection was lost. The device was reset meanwhile, or is a
   * new one, and the driver does not know: if the device has a register that tells it, set it.
   */
  clientReturned?(): void;
  /**
   * Stop touching guest memory for a moment: awaited before memory is mapped or unmapped, before a
   * reset and before a migration state change. Throwing a RequestRefusedError refuses the request.
   */
  quiesce?(): void | Promise<void>;
  readonly migration?: DeviceMigration;
  /** The server is going away: release files and timers. */
  close?(): void | Promise<void>;
}

/** A kind of device: what `vfio-user serve <name>` makes. */
export interface PciDeviceDefinition<Options> {
  /** As on the command line. */
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /** What `--set key=value` accepts. Values arrive as text from the command line: coerce. */
  readonly options: z.ZodType<Options>;
  /** What its registers are called, for tools that show accesses to them. */
  readonly registers?: RegisterMap;
  create(host: DeviceHost, options: Options): PciDevice | Promise<PciDevice>;
}

/** Keeps `Options` inferred while checking the shape. */
export function definePciDevice<Options>(
  definition: PciDeviceDefinition<Options>,
): PciDeviceDefinition<Options> {
  return definition;
}
