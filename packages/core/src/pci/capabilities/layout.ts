import {
  CapabilityId,
  CONVENTIONAL_CONFIG_BYTES,
  EXPRESS_CONFIG_BYTES,
  EXTENDED_CAPABILITIES,
  HEADER_BYTES,
} from '../constants.js';
import { hex, invalid } from '../invalid.js';
import type { Capability } from './capability.js';

/** A capability with its offset in the configuration space. */
export interface PlacedCapability {
  readonly capability: Capability;
  readonly offset: number;
}

/** Both lists in linked order, which is the order of the device's definition. */
export interface CapabilityLayout {
  readonly conventional: readonly PlacedCapability[];
  readonly extended: readonly PlacedCapability[];
}

/** The part of the configuration space that a list may use. */
interface Space {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly headerBytes: number;
  readonly maxId: number;
}

const CONVENTIONAL: Space = {
  name: 'capability',
  start: HEADER_BYTES,
  end: CONVENTIONAL_CONFIG_BYTES,
  headerBytes: 2,
  maxId: 0xff,
};
const EXTENDED: Space = {
  name: 'extended capability',
  start: EXTENDED_CAPABILITIES,
  end: EXPRESS_CONFIG_BYTES,
  headerBytes: 4,
  maxId: 0xffff,
};

/**
 * At most one of each of these is allowed; others, such as vendor-specific ones, may be repeated.
 */
const SINGLE: readonly number[] = [
  CapabilityId.POWER_MANAGEMENT,
  CapabilityId.MSI,
  CapabilityId.PCI_EXPRESS,
  CapabilityId.MSIX,
];

/**
 * Place each capability at the offset it asks for, otherwise in the first free aligned gap.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when they do not fit or conflict.
 */
export function layOutCapabilities(capabilities: readonly Capability[]): CapabilityLayout {
  const conventional = capabilities.filter((c) => c.extended !== true);
  const extended = capabilities.filter((c) => c.extended === true);
  for (const id of SINGLE) {
    if (conventional.filter((c) => c.id === id).length > 1) {
      invalid(`capability ${hex(id)} is listed more than once`);
    }
  }
  if (extended.length > 0 && !isExpress(capabilities)) {
    invalid('extended capabilities need a pciExpress() capability beside them');
  }
  const layout = {
    conventional: place(conventional, CONVENTIONAL),
    extended: place(extended, EXTENDED),
  };
  const first = layout.extended[0];
  if (first !== undefined && first.offset !== EXTENDED_CAPABILITIES) {
    invalid(
      `the first extended capability is at ${hex(first.offset)}: the list starts at 0x100, list the one that is there first`,
    );
  }
  return layout;
}

/** Whether the capabilities make it a PCI Express function. */
export function isExpress(capabilities: readonly Capability[]): boolean {
  return capabilities.some((c) => c.extended !== true && c.id === CapabilityId.PCI_EXPRESS);
}

function place(capabilities: readonly Capability[], space: Space): PlacedCapability[] {
  const taken: PlacedCapability[] = [];
  for (const capability of capabilities) {
    check(capability, space);
    const { offset } = capability;
    if (offset !== undefined) claim({ capability, offset }, taken, space);
  }
  return capabilities.map((capability) => {
    const fixed = taken.find((other) => other.capability === capability);
    if (fixed !== undefined && capability.offset !== undefined) return fixed;
    const placed = { capability, offset: firstGap(capability.length, taken, space) };
    claim(placed, taken, space);
    return placed;
  });
}

function check({ id, length, offset }: Capability, space: Space): void {
  if (!Number.isInteger(id) || id < 1 || id > space.maxId) {
    invalid(`${space.name} id ${id} is not between 1 and ${hex(space.maxId)}`);
  }
  if (!Number.isInteger(length) || length < space.headerBytes) {
    invalid(`${space.name} ${hex(id)} has ${length} bytes, its header alone ${space.headerBytes}`);
  }
  if (offset !== undefined && (!Number.isInteger(offset) || offset % 4 !== 0)) {
    invalid(`${space.name} ${hex(id)} at ${hex(offset)}: offsets are multiples of 4`);
  }
}

function claim(placed: PlacedCapability, taken: PlacedCapability[], space: Space): void {
  const { capability, offset } = placed;
  const end = offset + capability.length;
  const range = `${space.name} ${hex(capability.id)} at ${hex(offset)} to ${hex(end - 1)}`;
  if (offset < space.start || end > space.end) {
    invalid(`${range} is not inside ${hex(space.start)} to ${hex(space.end - 1)}`);
  }
  for (const other of taken) {
    if (offset < other.offset + other.capability.length && end > other.offset) {
      invalid(`${range} overlaps ${hex(other.capability.id)} at ${hex(other.offset)}`);
    }
  }
  taken.push(placed);
}

function firstGap(length: number, taken: readonly PlacedCapability[], space: Space): number {
  let offset = space.start;
  const inOrder = [...taken].sort((a, b) => a.offset - b.offset);
  for (const other of inOrder) {
    if (offset + length <= other.offset) break;
    offset = alignUp(Math.max(offset, other.offset + other.capability.length));
  }
  return offset;
}

function alignUp(offset: number): number {
  return (offset + 3) & ~3;
}
