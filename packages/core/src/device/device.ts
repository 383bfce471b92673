import type * as z from 'zod';
import type { Logger } from '../logger.js';
import type { Capability } from '../pci/capabilities/capability.js';
import type { ResetKind } from '../pci/function-controls.js';
import type { BlockAccess, RegisterAccess } from './access.js';
import type { Dma, PushRings } from './dma.js';
import type { RegisterMap } from './register-table.js';

export type { ResetKind } from '../pci/function-controls.js';

/** The host as a device sees it. Lives as long as the device. */
export interface DeviceHost {
  readonly dma: Dma;
  readonly interrupts: Interrupts;
  readonly pushes: PushRings;
  readonly logger: Logger;
  /**
   * Page size of this host, bytes. Only the whole host pages of a mappable area are mapped, the
   * rest is trapped.
   */
  readonly pageBytes: number;
  /** Allocate memory that a client can map directly, where the transport supports it. */
  allocateDeviceMemory(name: string, length: number): DeviceMemory;
  /**
   * Report a fatal device error. `error` is logged, and until the next reset the BARs read as all
   * ones and ignore writes, as for a card that fell off the bus. The configuration space still
   * works, so that a driver can reset the function.
   */
  fail(error: unknown): void;
}

/** How the driver has configured interrupts. */
export type InterruptMode = 'none' | 'intx' | 'msi' | 'msix';

export interface Interrupts {
  readonly mode: InterruptMode;
  /**
   * Raise MSI-X or MSI vector `vector`, whichever is enabled. A masked vector becomes pending and
   * is sent on unmask. An unknown vector is ignored. Without MSI and MSI-X this does nothing: see
   * {@link setIntx}.
   */
  raise(vector: number): void;
  /**
   * Drive the INTx line. Level-triggered: while asserted and unmasked, the client is notified again
   * after every end of interrupt.
   */
  setIntx(asserted: boolean): void;
  /** Signal the VFIO error interrupt (VFIO_PCI_ERR_IRQ_INDEX): an unrecoverable device error. */
  raiseError(): void;
  /**
   * Signal the VFIO request interrupt (VFIO_PCI_REQ_IRQ_INDEX): ask the client to release the
   * device.
   */
  requestRelease(): void;
}

/** Device memory that a client may map into the guest. */
export interface DeviceMemory extends BlockAccess {
  readonly bytes: Uint8Array;
  close(): void;
}

/**
 * A part of a region that the client may map; the rest is trapped. Offset and size are multiples of
 * 4096. A host with larger pages ({@link DeviceHost.pageBytes}) maps the whole pages inside.
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
  /** The client signalled the ioeventfd instead of writing the register. */
  onSignal(): void;
}

/** Properties of a client. */
export interface ClientTraits {
  /** It sent capabilities in VERSION. QEMU does; SPDK's client, which polls, does not. */
  readonly namesCapabilities: boolean;
}

/** A region of a device. */
export interface RegionDefinition {
  /** Bytes. */
  readonly size: number;
  readonly access: RegisterAccess | BlockAccess;
  readonly readable?: boolean;
  readonly writable?: boolean;
  /** Memory behind the mappable areas; `memory.bytes[i]` is region offset `i`. */
  readonly memory?: DeviceMemory | undefined;
  readonly mappable?: readonly MappableArea[] | undefined;
  /**
   * Whether this client may map the areas; called at each DEVICE_GET_REGION_INFO. Default: every
   * client may.
   */
  readonly mayMap?: ((client: ClientTraits) => boolean) | undefined;
  readonly ioEvents?: readonly IoEventDefinition[] | undefined;
}

export interface BarDefinition extends RegionDefinition {
  readonly kind: 'memory32' | 'memory64' | 'io';
  readonly prefetchable?: boolean;
}

export type BarIndex = 0 | 1 | 2 | 3 | 4 | 5;

/** PCI identity of the device. Numbers as lspci prints them. */
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
 * Live migration (VFIO migration v2). A device begins in RUNNING, and any reset returns it there
 * without a transition.
 */
export interface DeviceMigration {
  readonly preCopy?: boolean;
  /**
   * A single transition, from and to a `DeviceState`. Throwing a RequestRefusedError refuses it
   * with that errno and means that the device is still in `from`; after any other error it is in
   * ERROR.
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
  /**
   * What tells the device from others with the same identity, for example its serial number; at
   * most 128 characters. It should be the same whenever this device is served: a bridge whose
   * device was lost takes up no other one.
   */
  readonly serial?: string;
  /** Conventional PCI (256 bytes of configuration space) unless a `pciExpress` capability is listed. */
  readonly capabilities?: readonly Capability[];
  readonly bars?: Readonly<Partial<Record<BarIndex, BarDefinition>>>;
  readonly rom?: RegionDefinition;
  readonly vga?: RegionDefinition;
  /** Whether the device has an INTx interrupt (pin A). */
  readonly intx?: boolean;
  /** Reset to the power-on state, keeping storage contents. May use guest memory. */
  reset(kind: ResetKind): void | Promise<void>;
  /**
   * A client has reconnected after its connection was lost. The device has been reset meanwhile,
   * which the driver does not know: a device with a suitable status register sets it here.
   */
  clientReturned?(): void;
  /**
   * Stop accessing guest memory for a moment: awaited before memory is mapped or unmapped, before a
   * reset and before a migration transition. Throwing a RequestRefusedError refuses the request.
   */
  quiesce?(): void | Promise<void>;
  readonly migration?: DeviceMigration;
  /** The server is closing: release files and timers. */
  close?(): void | Promise<void>;
}

/** A kind of device: what `vfio-user serve <name>` makes. */
export interface PciDeviceDefinition<Options> {
  /** As on the command line. */
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  /**
   * Schema of the options of `--set key=value`. Values arrive as text from the command line:
   * coerce.
   */
  readonly options: z.ZodType<Options>;
  /** Register names, for tools that show accesses. */
  readonly registers?: RegisterMap;
  create(host: DeviceHost, options: Options): PciDevice | Promise<PciDevice>;
}

/** Define a device; infers `Options`. */
export function definePciDevice<Options>(
  definition: PciDeviceDefinition<Options>,
): PciDeviceDefinition<Options> {
  return definition;
}
