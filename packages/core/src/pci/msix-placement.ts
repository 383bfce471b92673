import type { BlockAccess } from '../device/access.js';
import type { BarDefinition, BarIndex } from '../device/device.js';
import type { InterruptControls } from '../interrupts/interrupt-controls.js';
import type { Bars } from './bars.js';
import type { MsixLayout } from './capabilities/capability.js';
import { MSIX_ENTRY_BYTES } from './constants.js';
import { hex, invalid } from './invalid.js';
import { type MsixTable, pendingBitArray } from './msix-table.js';

/** An added BAR is at least a page, so that it shares no page with another. */
const MIN_ADDED_BAR_BYTES = 4096;

/** Location of one MSI-X structure. */
interface MsixRange {
  readonly bar: BarIndex;
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** A range of a BAR that the core serves instead of the device. */
export interface PlacedWindow extends MsixRange {
  readonly access: BlockAccess;
}

/** Place the MSI-X structures as the capability says. */
export function placeMsix(
  msix: MsixLayout,
  table: MsixTable,
  controls: InterruptControls,
): readonly PlacedWindow[] {
  return [
    { ...tableRange(msix), access: table },
    { ...pendingBitsRange(msix), access: pendingBitArray(controls) },
  ];
}

/**
 * The BARs of a device, and those added for MSI-X structures.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when a structure does not fit.
 */
export function barsWithMsix(bars: Bars, msix: MsixLayout | undefined): Bars {
  if (msix === undefined) return bars;
  const table = tableRange(msix);
  const pendingBits = pendingBitsRange(msix);
  if (overlap(table, pendingBits)) invalid('MSI-X table and pending bit array overlap');
  const all: Partial<Record<BarIndex, BarDefinition>> = { ...bars };
  for (const { bar } of [table, pendingBits]) {
    all[bar] ??= addedBar(Math.max(endIn(bar, table), endIn(bar, pendingBits)));
  }
  for (const range of [table, pendingBits]) {
    const bar = all[range.bar];
    const what = `MSI-X structure of ${range.length} bytes at ${hex(range.offset)}`;
    if (bar === undefined || range.offset + range.length > bar.size) {
      invalid(`${what} does not fit into BAR${range.bar}`);
    }
    if (bar.kind === 'io') invalid(`${what}: BAR${range.bar} is I/O, it must be memory`);
  }
  return all;
}

function tableRange({ table, vectors }: MsixLayout): MsixRange {
  return { ...table, length: vectors * MSIX_ENTRY_BYTES };
}

function pendingBitsRange({ pendingBits, vectors }: MsixLayout): MsixRange {
  // Whole 64-bit words.
  return { ...pendingBits, length: Math.ceil(vectors / 64) * 8 };
}

function addedBar(bytes: number): BarDefinition {
  return {
    kind: 'memory32',
    size: Math.max(MIN_ADDED_BAR_BYTES, 2 ** Math.ceil(Math.log2(bytes))),
    access: { readBlock: (_offset, target) => target.fill(0), writeBlock() {} },
  };
}

function endIn(bar: BarIndex, range: MsixRange): number {
  return range.bar === bar ? range.offset + range.length : 0;
}

function overlap(a: MsixRange, b: MsixRange): boolean {
  return a.bar === b.bar && a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}
