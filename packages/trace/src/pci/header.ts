import { className } from './class-names.js';
import type { ConfigBytes } from './config-bytes.js';

/** A base address register of a type 0 header. It does not hold its size: the region does. */
export interface DecodedBar {
  readonly index: number;
  readonly kind: 'memory32' | 'memory64' | 'io';
  readonly prefetchable: boolean;
  readonly address: bigint;
}

/** The first 64 bytes of the configuration space of an endpoint (header type 0). */
export interface DecodedHeader {
  readonly vendorId: number;
  readonly deviceId: number;
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
  readonly revisionId: number;
  readonly classCode: number;
  readonly className: string;
  readonly command: Readonly<Record<string, boolean>>;
  readonly status: Readonly<Record<string, boolean>>;
  /** `A` to `D`; absent without INTx. */
  readonly interruptPin?: string;
  readonly bars: readonly DecodedBar[];
}

/** Bits of the command and the status register, named as lspci names them. */
const COMMAND_BITS: Readonly<Record<string, number>> = {
  'I/O': 0,
  Mem: 1,
  BusMaster: 2,
  ParErr: 6,
  SERR: 8,
  DisINTx: 10,
};
const STATUS_BITS: Readonly<Record<string, number>> = { INTx: 3, Cap: 4, '66MHz': 5, FastB2B: 7 };

/** Decode the header. Only the region's size tells an absent BAR from one at address 0. */
export function decodeHeader(
  config: ConfigBytes,
  isPresent: (bar: number) => boolean,
): DecodedHeader {
  const classCode = config.u32(0x08) >>> 8;
  const pin = config.u8(0x3d);
  return {
    vendorId: config.u16(0x00),
    deviceId: config.u16(0x02),
    subsystemVendorId: config.u16(0x2c),
    subsystemId: config.u16(0x2e),
    revisionId: config.u8(0x08),
    classCode,
    className: className(classCode),
    command: flags(config.u16(0x04), COMMAND_BITS),
    status: flags(config.u16(0x06), STATUS_BITS),
    ...(pin >= 1 && pin <= 4 ? { interruptPin: 'ABCD'.charAt(pin - 1) } : {}),
    bars: decodeBars(config, isPresent),
  };
}

function decodeBars(config: ConfigBytes, isPresent: (bar: number) => boolean): DecodedBar[] {
  const bars: DecodedBar[] = [];
  for (let index = 0; index < 6; index += 1) {
    if (!isPresent(index)) continue;
    const offset = 0x10 + index * 4;
    const low = config.u32(offset);
    if ((low & 1) === 1) {
      bars.push({ index, kind: 'io', prefetchable: false, address: BigInt((low & ~3) >>> 0) });
      continue;
    }
    const isWide = (low & 6) === 4 && index < 5;
    bars.push({
      index,
      kind: isWide ? 'memory64' : 'memory32',
      prefetchable: (low & 8) !== 0,
      address: isWide ? config.u64(offset) & ~0xfn : BigInt((low & ~0xf) >>> 0),
    });
    // The next register holds this BAR's upper half.
    if (isWide) index += 1;
  }
  return bars;
}

function flags(value: number, bits: Readonly<Record<string, number>>): Record<string, boolean> {
  return Object.fromEntries(
    Object.entries(bits).map(([name, bit]) => [name, ((value >> bit) & 1) === 1]),
  );
}
