import type { z } from 'zod';
import type { Iova } from '../address.js';
import type { Logger } from '../logger.js';
import type { WriteOrder } from '../memory/remote-memory.js';
import type { Capability } from '../pci/capabilities/capability.js';
import type { BlockAccess, RegisterAccess } from './access.js';
import type { ResetKind } from './reset-kind.js';

export type { ResetKind } from './reset-kind.js';

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

/**
 * Guest memory. Every access is checked against what the client mapped and its permissions.
 *
 * Ordering: writes become visible in the order issued, and an interrupt raised after a write is
 * seen after it, whether or not the write was awaited. So is a register that is read after it, unless
 * the write is `relaxed`: then it may be ahead of writes that have not left yet. Large data on a slow
 * line should be relaxed, as otherwise a driver waits for all of it whenever it reads a register. No
 * register may tell of a relaxed write before its promise has resolved.
 */
export interface Dma {
  /**
   * A view of guest memory, or `undefined` when it is not reachable in one piece without messages.
   * Do not keep it across an `await`: once the client unmaps the range it reads zeros and its
   * writes are lost (but it never becomes dangerous).
   * @throws {DmaFaultError} when the client did not map the range, or not with this permission.
   */
  map(iova: Iova, length: number, access: 'read' | 'write' | 'readwrite'): Uint8Array | undefined;
  /**
   * Copy guest memory into `target` at once if all of it is in shared memory; `false` and nothing
   * copied otherwise.
   * @throws {DmaFaultError}
   */
  tryRead(iova: Iova, target: Uint8Array): boolean;
  tryWrite(iova: Iova, source: Uint8Array): boolean;
  /**
   * Works everywhere; `source`/`target` must stay untouched until it resolves. Large transfers are
   * cut to what the client accepts.
   * @throws {DmaFaultError} as above, also when the range is unmapped meanwhile;
   * {RemoteError} when the client refuses; `VFU_PEER_CLOSED` when it is gone.
   */
  read(iova: Iova, target: Uint8Array): Promise<void>;
  write(iova: Iova, source: Uint8Array, order?: WriteOrder): Promise<void>;
  /**
   * Transfers that have not left yet never will, as those of a device that is reset: their promises
   * reject. What is left arrives before the reply to any register access of later.
   */
  cancelWaiting(): void;
  /** Runs when the client maps memory, before it is told so. For devices that keep caches. */
  onMap(listener: (iova: Iova, length: number) => void): void;
  /** Runs when the client unmaps memory; the memory is still readable inside the listener. */
  onUnmap(listener: (iova: Iova, length: number) => void): void;
}

/** A ring in guest memory, for example a submission queue, and the register that announces entries. */
export interface PushedRing {
  /** The doorbell: the driver writes the index behind the last new entry. */
  readonly region: number;
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  /** Of entry 0. */
  readonly address: Iova;
  readonly entryBytes: number;
  readonly entries: number;
}

/**
 * Rings whose new entries the device wants along with the doorbell, so that it need not fetch them
 * over a network. A wish: where the client does not push, the same reads go to guest memory.
 */
export interface PushRings {
  /** Ask for a ring that is empty now. @returns what takes the wish back. */
  add(ring: PushedRing): () => void;
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
  create(host: DeviceHost, options: Options): PciDevice | Promise<PciDevice>;
}

/** Keeps `Options` inferred while checking the shape. */
export function definePciDevice<Options>(
  definition: PciDeviceDefinition<Options>,
): PciDeviceDefinition<Options> {
  return definition;
}
