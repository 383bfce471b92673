import { Command } from '../../../src/protocol/enums.js';
import type { RegionInfo, RegionIoFds } from '../../../src/protocol/messages.js';
import { ROOM } from './samples.js';

type Body = object | undefined;
type Fields = Record<string, unknown>;
const bytesOf = (value: unknown): number => (value as Uint8Array | undefined)?.length ?? 0;

/** What argsz is on the other side, by command: it does not travel. */
const requestArgsz: ReadonlyMap<number, (body: Fields) => number> = new Map([
  [Command.DMA_MAP, () => 32],
  [Command.DMA_UNMAP, unmapArgsz],
  [Command.DEVICE_GET_INFO, () => 16],
  [Command.DEVICE_GET_REGION_INFO, () => ROOM],
  [Command.DEVICE_GET_REGION_IO_FDS, () => ROOM],
  [Command.DEVICE_GET_IRQ_INFO, () => 16],
  [Command.DEVICE_SET_IRQS, ({ bools }) => 20 + bytesOf(bools)],
  [Command.DEVICE_FEATURE, () => 8 + ROOM],
  [Command.MIG_DATA_READ, ({ size }) => 8 + Number(size)],
  [Command.MIG_DATA_WRITE, ({ size }) => 8 + Number(size)],
]);

const replyArgsz: ReadonlyMap<number, (body: Fields) => number> = new Map([
  [Command.DMA_UNMAP, unmapArgsz],
  [Command.DEVICE_GET_INFO, () => 16],
  [Command.DEVICE_GET_REGION_INFO, (body) => regionArgsz(body as unknown as RegionInfo)],
  [
    Command.DEVICE_GET_REGION_IO_FDS,
    (body) => 16 + 40 * (body as unknown as RegionIoFds).entries.length,
  ],
  [Command.DEVICE_GET_IRQ_INFO, () => 16],
  [Command.DEVICE_FEATURE, ({ data }) => 8 + bytesOf(data)],
  [Command.MIG_DATA_READ, ({ size }) => 8 + Number(size)],
]);

function unmapArgsz({ bitmap }: Fields): number {
  if (bitmap === undefined) return 24;
  return Math.min(40 + Number((bitmap as Fields).size), 0xffff_ffff);
}

function regionArgsz({ sparse }: RegionInfo): number {
  return 32 + (sparse === undefined ? 0 : 16 + 16 * sparse.length);
}

/** The request as the other side sees it. */
export function requestOnArrival(command: number, body: Body): Body {
  const argsz = requestArgsz.get(command);
  return body === undefined || argsz === undefined
    ? body
    : { ...body, argsz: argsz(body as Fields) };
}

/** The reply as the other side sees it. */
export function replyOnArrival(command: number, body: Body): Body {
  const argsz = replyArgsz.get(command);
  if (body === undefined || argsz === undefined) return body;
  const arrived = { ...body, argsz: argsz(body as Fields) };
  if (command !== Command.DEVICE_GET_REGION_IO_FDS) return arrived;
  // Nobody has too little room for the entries, so their number is the count.
  return { ...arrived, count: (body as RegionIoFds).entries.length };
}
