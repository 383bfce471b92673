import type { CapabilityPlace } from './capability-list.js';

/** Offset, bytes and name of a field of configuration space, named as Linux's pci_regs.h does. */
type Field = readonly [offset: number, size: number, name: string];

const HEADER: readonly Field[] = [
  [0x00, 2, 'VENDOR_ID'],
  [0x02, 2, 'DEVICE_ID'],
  [0x04, 2, 'COMMAND'],
  [0x06, 2, 'STATUS'],
  [0x08, 1, 'REVISION_ID'],
  [0x09, 3, 'CLASS_CODE'],
  [0x0c, 1, 'CACHE_LINE_SIZE'],
  [0x0d, 1, 'LATENCY_TIMER'],
  [0x0e, 1, 'HEADER_TYPE'],
  [0x0f, 1, 'BIST'],
  [0x10, 4, 'BAR0'],
  [0x14, 4, 'BAR1'],
  [0x18, 4, 'BAR2'],
  [0x1c, 4, 'BAR3'],
  [0x20, 4, 'BAR4'],
  [0x24, 4, 'BAR5'],
  [0x28, 4, 'CARDBUS_CIS'],
  [0x2c, 2, 'SUBSYSTEM_VENDOR_ID'],
  [0x2e, 2, 'SUBSYSTEM_ID'],
  [0x30, 4, 'ROM_ADDRESS'],
  [0x34, 1, 'CAPABILITY_LIST'],
  [0x3c, 1, 'INTERRUPT_LINE'],
  [0x3d, 1, 'INTERRUPT_PIN'],
  [0x3e, 1, 'MIN_GNT'],
  [0x3f, 1, 'MAX_LAT'],
];

interface CapabilityLayout {
  readonly name: string;
  /** Bytes it can have at most; without it, up to the next capability. */
  readonly size?: number;
  readonly fields?: readonly Field[];
}

const HEAD: Field = [0, 2, 'HEADER'];

const CONVENTIONAL: ReadonlyMap<number, CapabilityLayout> = new Map<number, CapabilityLayout>([
  [0x01, { name: 'PM', size: 8, fields: [HEAD, [2, 2, 'PMC'], [4, 2, 'CTRL']] }],
  [0x03, { name: 'VPD', size: 8 }],
  [0x05, { name: 'MSI', size: 24, fields: [HEAD, [2, 2, 'FLAGS'], [4, 4, 'ADDRESS_LO']] }],
  [0x09, { name: 'VNDR' }],
  [0x0d, { name: 'SSVID', size: 8 }],
  [
    0x10,
    {
      name: 'EXP',
      size: 60,
      fields: [
        HEAD,
        [0x02, 2, 'FLAGS'],
        [0x04, 4, 'DEVCAP'],
        [0x08, 2, 'DEVCTL'],
        [0x0a, 2, 'DEVSTA'],
        [0x0c, 4, 'LNKCAP'],
        [0x10, 2, 'LNKCTL'],
        [0x12, 2, 'LNKSTA'],
        [0x14, 4, 'SLTCAP'],
        [0x18, 2, 'SLTCTL'],
        [0x1a, 2, 'SLTSTA'],
        [0x24, 4, 'DEVCAP2'],
        [0x28, 2, 'DEVCTL2'],
        [0x2c, 4, 'LNKCAP2'],
        [0x30, 2, 'LNKCTL2'],
        [0x32, 2, 'LNKSTA2'],
      ],
    },
  ],
  [
    0x11,
    { name: 'MSIX', size: 12, fields: [HEAD, [2, 2, 'FLAGS'], [4, 4, 'TABLE'], [8, 4, 'PBA']] },
  ],
  [0x13, { name: 'AF', size: 6 }],
]);

const EXTENDED_HEAD: Field = [0, 4, 'HEADER'];

const EXTENDED: ReadonlyMap<number, CapabilityLayout> = new Map<number, CapabilityLayout>([
  [0x0001, { name: 'AER', size: 72 }],
  [
    0x0003,
    { name: 'DSN', size: 12, fields: [EXTENDED_HEAD, [4, 4, 'SERIAL_LO'], [8, 4, 'SERIAL_HI']] },
  ],
  [0x000b, { name: 'VSEC' }],
]);

/**
 * Names of the fields in `[offset, offset + count)` of configuration space, for example `COMMAND` or
 * `EXP.DEVCTL`; `undefined` where nothing is known.
 */
export function configFieldNames(
  capabilities: readonly CapabilityPlace[],
  offset: number,
  count: number,
): string | undefined {
  const first = fieldAt(capabilities, offset);
  if (first === undefined) return undefined;
  const end = offset + count;
  if (first.end >= end) return first.name;
  const second = fieldAt(capabilities, first.end);
  // More than two are an excerpt of the whole space rather than an access to registers.
  return second !== undefined && second.end >= end
    ? `${first.name},${second.name}`
    : `${first.name}...`;
}

interface FoundField {
  readonly name: string;
  /** Offset behind it. */
  readonly end: number;
}

function fieldAt(capabilities: readonly CapabilityPlace[], offset: number): FoundField | undefined {
  const inHeader = find(HEADER, offset);
  if (inHeader !== undefined) return inHeader;
  const place = capabilities
    .filter((one) => one.offset <= offset && one.extended === offset >= 0x100)
    .reduce<CapabilityPlace | undefined>(
      (best, one) => (best === undefined || one.offset > best.offset ? one : best),
      undefined,
    );
  if (place === undefined) return undefined;
  const layout = (place.extended ? EXTENDED : CONVENTIONAL).get(place.id);
  const name = layout?.name ?? `CAP_${place.id.toString(16)}`;
  const within = offset - place.offset;
  if (within >= (layout?.size ?? Number.POSITIVE_INFINITY)) return undefined;
  const field = find(layout?.fields ?? [], within);
  if (field !== undefined) return { name: `${name}.${field.name}`, end: place.offset + field.end };
  return { name: `${name}+0x${within.toString(16)}`, end: (offset & ~3) + 4 };
}

function find(fields: readonly Field[], offset: number): FoundField | undefined {
  for (const [start, size, name] of fields) {
    if (offset >= start && offset < start + size) return { name, end: start + size };
  }
  return undefined;
}
