import { HEADER_BYTES, Header } from '../pci/constants.js';
import { hex } from '../pci/invalid.js';
import { NUM_IRQS, NUM_REGIONS, REGION_FLAG_MMAP } from '../protocol/constants.js';
import { Command, Irq, Region } from '../protocol/enums.js';
import type {
  DeviceInfo,
  IrqInfo,
  KnownCommand,
  RegionData,
  RegionInfo,
  ReplyBodies,
  RequestBodies,
} from '../protocol/messages.js';
import { DEVICE_INFO_BYTES, IRQ_INFO_BYTES, REGION_INFO_BYTES } from '../protocol/struct-sizes.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';

/** Something that stays as it is as long as it is the same device. */
type Fact = readonly [name: string, value: string];

/** Name, offset and bytes of registers of the configuration space. */
const IDS: readonly (readonly [string, number, number])[] = [
  ['vendor id', Header.VENDOR_ID, 2],
  ['device id', Header.DEVICE_ID, 2],
  ['revision', Header.REVISION_ID, 1],
  ['class code', Header.CLASS_CODE, 3],
  ['subsystem vendor id', Header.SUBSYSTEM_VENDOR_ID, 2],
  ['subsystem id', Header.SUBSYSTEM_ID, 2],
];

/** What the client was told of its device, by which another one in its place is recognized. */
export class ToldDevice {
  readonly #facts = new Map<string, string>();
  readonly #regions = new Set<number>();
  readonly #irqs = new Set<number>();
  /** How many of {@link IDS} the client has read. */
  #idsRead = 0;

  info(info: DeviceInfo): void {
    this.#note(generalFacts(info));
  }

  region(info: RegionInfo): void {
    if (info.index >= NUM_REGIONS) return;
    this.#regions.add(info.index);
    this.#note(regionFacts(info));
  }

  interrupts(info: IrqInfo): void {
    if (info.index >= NUM_IRQS) return;
    this.#irqs.add(info.index);
    this.#note(irqFacts(info));
  }

  /** The client has read registers. */
  registers(read: RegionData): void {
    if (read.region !== Region.CONFIG || this.#idsRead === IDS.length) return;
    this.#note(idFacts(read));
    this.#idsRead = IDS.filter(([name]) => this.#facts.has(name)).length;
  }

  /** In what `device` differs from what the client was told; `undefined`: in nothing that it tells. */
  async differenceOf(device: Peer): Promise<string | undefined> {
    const info = { argsz: DEVICE_INFO_BYTES };
    const header = { region: Region.CONFIG, offset: 0, count: HEADER_BYTES };
    const facts = await Promise.all([
      ask(device, Command.DEVICE_GET_INFO, info, generalFacts),
      ...(this.#idsRead === 0 ? [] : [ask(device, Command.REGION_READ, header, idFacts)]),
      ...[...this.#regions].map((index) => {
        const asked = { argsz: REGION_INFO_BYTES, index };
        return ask(device, Command.DEVICE_GET_REGION_INFO, asked, regionFacts);
      }),
      ...[...this.#irqs].map((index) => {
        const asked = { argsz: IRQ_INFO_BYTES, index };
        return ask(device, Command.DEVICE_GET_IRQ_INFO, asked, irqFacts);
      }),
    ]);
    const texts = facts.flat().flatMap(([name, now]) => {
      const was = this.#facts.get(name) ?? now;
      return was === now ? [] : [`${name} was ${was}, is ${now}`];
    });
    return texts.length === 0 ? undefined : texts.join('; ');
  }

  #note(facts: readonly Fact[]): void {
    for (const [name, value] of facts) this.#facts.set(name, value);
  }
}

function generalFacts({ flags, numRegions, numIrqs, serial }: DeviceInfo): readonly Fact[] {
  return [
    ['flags', hex(flags)],
    ['number of regions', String(numRegions)],
    ['number of interrupt indexes', String(numIrqs)],
    ...(serial === undefined ? [] : [['serial', JSON.stringify(serial)] as const]),
  ];
}

/** Of registers that were read, as far as these are among them. An empty slot has none. */
function idFacts(read: RegionData | undefined): readonly Fact[] {
  if (read === undefined) return [];
  const { offset: start, data } = read;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  if (bytes.every((byte) => byte === 0xff)) return [];
  return IDS.flatMap(([name, offset, length]): readonly Fact[] => {
    const at = offset - start;
    if (at < 0 || at + length > bytes.length) return [];
    return [[name, hex(bytes.readUIntLE(at, length))]];
  });
}

function regionFacts({ index, size, flags }: RegionInfo): readonly Fact[] {
  const name = nameIn(Region, index);
  return [
    [`size of ${name}`, `0x${size.toString(16)}`],
    [`flags of ${name}`, hex(flags & ~REGION_FLAG_MMAP)],
  ];
}

function irqFacts({ index, count, flags }: IrqInfo): readonly Fact[] {
  const name = nameIn(Irq, index);
  return [
    [`number of ${name} interrupts`, String(count)],
    [`flags of ${name} interrupts`, hex(flags)],
  ];
}

function nameIn(names: Readonly<Record<string, number>>, index: number): string {
  return Object.keys(names).find((name) => names[name] === index) ?? String(index);
}

/** What a device does not tell is not compared. */
async function ask<C extends KnownCommand>(
  device: Peer,
  command: C,
  body: RequestBodies[C],
  pick: (body: ReplyBodies[C]) => readonly Fact[],
): Promise<readonly Fact[]> {
  try {
    return await call(device, command, body, pick);
  } catch (error) {
    if (device.closed) throw error;
    return [];
  }
}
