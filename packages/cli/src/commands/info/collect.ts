import {
  type Connection,
  connectDevice,
  constants,
  type DeviceClient,
  Irq,
  type Logger,
  type MappableArea,
  Region,
  type TransportCapabilities,
  VfioUserError,
} from '@vfio-user/core';
import { type DecodedConfigSpace, decodeConfigSpace } from '@vfio-user/trace';
import { loadTransports } from '../../registry.js';

const {
  IRQ_FLAG_AUTOMASKED,
  IRQ_FLAG_EVENTFD,
  IRQ_FLAG_MASKABLE,
  IRQ_FLAG_NORESIZE,
  REGION_FLAG_MMAP,
  REGION_FLAG_READ,
  REGION_FLAG_WRITE,
} = constants;

/** A region as the server describes it. */
export interface RegionReport {
  readonly index: number;
  readonly name: string;
  /** Bytes. */
  readonly size: bigint;
  readonly readable: boolean;
  readonly writable: boolean;
  /** Parts that a client may map; empty when every access is a message. */
  readonly mappable: readonly MappableArea[];
}

/** An interrupt index as the server describes it. */
export interface InterruptReport {
  readonly index: number;
  readonly name: string;
  readonly count: number;
  readonly flags: Readonly<Record<string, boolean>>;
}

/** Everything `vfio-user info` knows of a device. */
export interface InfoReport {
  readonly uri: string;
  /** What was negotiated, and what the server said it can do. */
  readonly protocol: {
    readonly major: number;
    readonly minor: number;
    readonly capabilities: DeviceClient['server'];
  };
  readonly transport: TransportCapabilities;
  /** What becomes of a session when its connection is lost. */
  readonly session: {
    /** Whether it can go on over another connection. */
    readonly resumes: boolean;
    /** How long the server keeps it without one. */
    readonly holdMs: number;
  };
  /** How the device reaches guest memory in this session. */
  readonly dataPath: string;
  readonly config: DecodedConfigSpace;
  readonly regions: readonly RegionReport[];
  readonly interrupts: readonly InterruptReport[];
}

/** Connect to the server at `uri`, ask it everything that has no side effect, and disconnect. */
export async function collectInfo(uri: string, logger: Logger): Promise<InfoReport> {
  const registry = await loadTransports([uri]);
  const client = await connectDevice(uri, { registry, logger, resumes: false });
  try {
    const regions = await collectRegions(client);
    const interrupts = await collectInterrupts(client);
    const config = await readConfigSpace(client, regions);
    return {
      uri,
      protocol: {
        major: client.version.major,
        minor: client.version.minor,
        capabilities: client.server,
      },
      transport: client.connection.capabilities,
      session: { resumes: client.holdMs > 0, holdMs: client.holdMs },
      dataPath: dataPathOf(client.connection),
      config: decodeConfigSpace(config, (bar) => (regions[bar]?.size ?? 0n) > 0n),
      regions: regions.filter((region) => region.size > 0n),
      interrupts: interrupts.filter((interrupt) => interrupt.count > 0),
    };
  } finally {
    await client.close();
  }
}

function dataPathOf({ capabilities, oneSided }: Connection): string {
  if (oneSided !== undefined) return oneSided.description;
  return capabilities.sharedMemory ? 'shared memory' : 'messages';
}

async function collectRegions(client: DeviceClient): Promise<RegionReport[]> {
  const reports: RegionReport[] = [];
  for (let index = 0; index < client.info.numRegions; index += 1) {
    const { size, flags, sparse } = await client.regionInfo(index);
    const isMappable = (flags & REGION_FLAG_MMAP) !== 0;
    reports.push({
      index,
      name: indexName(Region, index),
      size: BigInt(size),
      readable: (flags & REGION_FLAG_READ) !== 0,
      writable: (flags & REGION_FLAG_WRITE) !== 0,
      mappable: isMappable ? (sparse ?? [{ offset: 0, size: Number(size) }]) : [],
    });
  }
  return reports;
}

async function collectInterrupts(client: DeviceClient): Promise<InterruptReport[]> {
  const reports: InterruptReport[] = [];
  for (let index = 0; index < client.info.numIrqs; index += 1) {
    const { count, flags } = await client.irqInfo(index);
    reports.push({
      index,
      name: indexName(Irq, index),
      count,
      flags: {
        eventfd: (flags & IRQ_FLAG_EVENTFD) !== 0,
        maskable: (flags & IRQ_FLAG_MASKABLE) !== 0,
        automasked: (flags & IRQ_FLAG_AUTOMASKED) !== 0,
        noresize: (flags & IRQ_FLAG_NORESIZE) !== 0,
      },
    });
  }
  return reports;
}

/** The name the specification gives to a region or interrupt index. */
function indexName(names: Readonly<Record<string, number>>, index: number): string {
  return Object.keys(names).find((name) => names[name] === index) ?? `#${index}`;
}

async function readConfigSpace(
  client: DeviceClient,
  regions: readonly RegionReport[],
): Promise<Uint8Array> {
  const size = regions[Region.CONFIG]?.size ?? 0n;
  if (size < 64n) {
    throw new VfioUserError(
      'VFU_UNSUPPORTED',
      `the device's configuration space has ${size} bytes; a PCI device has at least 64`,
    );
  }
  return client.regionRead(Region.CONFIG, 0, Math.min(Number(size), 4096));
}
