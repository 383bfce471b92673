import { Command, ExtensionCommand } from '../../../src/protocol/enums.js';
import type { KnownCommand, ReplyBodies, RequestBodies } from '../../../src/protocol/messages.js';

/** A message that a test vector was made of. */
export type Sample = RequestSample | ReplySample | ErrorSample;
export interface RequestSample {
  readonly kind: 'request';
  readonly command: KnownCommand;
  readonly id: number;
  readonly noReply: boolean;
  readonly body: RequestBodies[KnownCommand];
}
export interface ReplySample {
  readonly kind: 'reply';
  readonly command: KnownCommand;
  readonly id: number;
  readonly body: ReplyBodies[KnownCommand];
}
export interface ErrorSample {
  readonly kind: 'error';
  readonly command: number;
  readonly id: number;
  readonly errno: number;
  readonly text?: string;
}

/** The `argsz` that this side fills in where a peer may take any size. */
export const ROOM = 1_048_576;

export const samples = new Map<string, Sample>();

function request<C extends KnownCommand>(
  name: string,
  command: C,
  id: number,
  body: RequestBodies[C],
): void {
  samples.set(name, { kind: 'request', command, id, noReply: false, body });
}

function oneWay<C extends KnownCommand>(name: string, command: C, body: RequestBodies[C]): void {
  samples.set(name, { kind: 'request', command, id: 0, noReply: true, body });
}

function reply<C extends KnownCommand>(
  name: string,
  command: C,
  id: number,
  body: ReplyBodies[C],
): void {
  samples.set(name, { kind: 'reply', command, id, body });
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const capabilities = '{"capabilities":{"max_data_xfer_size":1048576,"write_multiple":true}}';

request('version-request', Command.VERSION, 1, { major: 0, minor: 2, capabilities });
reply('version-reply', Command.VERSION, 1, { major: 0, minor: 1 });
request('dma-map-request', Command.DMA_MAP, 2, {
  argsz: 32,
  flags: 3,
  offset: 0n,
  address: 0xffff_ffff_0000_0000n,
  size: 0x4000_0000,
});
request('dma-map-exposed-request', Command.DMA_MAP, 2, {
  argsz: 32,
  flags: 3,
  offset: 0n,
  address: 0x1_0000_0000,
  size: 0x4000_0000,
  exposed: [
    { offset: 0, length: 0x2000_0000, address: 0x7fff_0000_1000, key: 0x8000_0001 },
    { offset: 0x3000_0000, length: 0x1000_0000, address: 0x7fff_3000_1000, key: 7 },
  ],
});
reply('dma-map-reply', Command.DMA_MAP, 2, undefined);
request('dma-unmap-request', Command.DMA_UNMAP, 3, {
  argsz: 24,
  flags: 0,
  address: 0x1_0000_0000,
  size: 0x1000,
});
request('dma-unmap-bitmap-request', Command.DMA_UNMAP, 3, {
  argsz: 48,
  flags: 1,
  address: 0x1_0000_0000,
  size: 0x1000,
  bitmap: { pgsize: 4096, size: 8 },
});
reply('dma-unmap-bitmap-reply', Command.DMA_UNMAP, 3, {
  argsz: 48,
  flags: 1,
  address: 0x1_0000_0000,
  size: 0x1000,
  bitmap: { pgsize: 4096, size: 8 },
  bits: bytes(1, 0, 0, 0, 0, 0, 0, 0),
});
request('device-get-info-request', Command.DEVICE_GET_INFO, 4, { argsz: 16 });
reply('device-get-info-reply', Command.DEVICE_GET_INFO, 4, {
  argsz: 16,
  flags: 3,
  numRegions: 9,
  numIrqs: 5,
});
reply('device-get-info-serial-reply', Command.DEVICE_GET_INFO, 4, {
  argsz: 16,
  flags: 3,
  numRegions: 9,
  numIrqs: 5,
  serial: 'S1',
});
request('region-info-request', Command.DEVICE_GET_REGION_INFO, 5, { argsz: ROOM, index: 0 });
reply('region-info-reply', Command.DEVICE_GET_REGION_INFO, 5, {
  argsz: 64,
  flags: 7,
  index: 0,
  size: 0x4000,
  offset: 0,
  sparse: [{ offset: 0x1000, size: 0x3000 }],
});
request('region-io-fds-request', Command.DEVICE_GET_REGION_IO_FDS, 6, {
  argsz: ROOM,
  flags: 0,
  index: 0,
  count: 0,
});
reply('region-io-fds-reply', Command.DEVICE_GET_REGION_IO_FDS, 6, {
  argsz: 56,
  flags: 0,
  index: 0,
  count: 1,
  entries: [
    {
      offset: 0x1000,
      size: 4,
      fdIndex: 0xffff_ffff,
      type: 0,
      flags: 0,
      datamatch: 0xffff_ffff_ffff_ffffn,
    },
  ],
});
request('irq-info-request', Command.DEVICE_GET_IRQ_INFO, 7, { argsz: 16, index: 2 });
reply('irq-info-reply', Command.DEVICE_GET_IRQ_INFO, 7, {
  argsz: 16,
  flags: 9,
  index: 2,
  count: 32,
});
request('set-irqs-events-request', Command.DEVICE_SET_IRQS, 8, {
  argsz: 20,
  flags: 0x24,
  index: 2,
  start: 0,
  count: 4,
  events: 4,
});
request('set-irqs-bools-request', Command.DEVICE_SET_IRQS, 8, {
  argsz: 22,
  flags: 0x22,
  index: 2,
  start: 0,
  count: 2,
  bools: bytes(0, 1),
});
reply('set-irqs-reply', Command.DEVICE_SET_IRQS, 8, undefined);
request('region-read-request', Command.REGION_READ, 9, { offset: 0x10, region: 7, count: 4 });
reply('region-read-reply', Command.REGION_READ, 9, {
  offset: 0x10,
  region: 7,
  count: 4,
  data: bytes(0x78, 0x56, 0x34, 0x12),
});
reply('region-read-nothing-reply', Command.REGION_READ, 9, undefined);
request('region-write-request', Command.REGION_WRITE, 10, {
  offset: 4,
  region: 7,
  count: 2,
  data: bytes(6, 4),
});
oneWay('region-write-posted', Command.REGION_WRITE, {
  offset: 0x1000,
  region: 0,
  count: 4,
  data: bytes(2, 0, 0, 0),
});
oneWay('region-write-pushing', Command.REGION_WRITE, {
  offset: 0x1008,
  region: 0,
  count: 4,
  data: bytes(1, 0, 0, 0),
  pushed: [
    { address: 0x1_0000_00f8, data: bytes(0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7) },
    { address: 0x1_0000_0000, data: bytes(0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7) },
  ],
});
reply('region-write-reply', Command.REGION_WRITE, 10, { offset: 4, region: 7, count: 2 });
request('dma-read-request', Command.DMA_READ, 11, { address: 0x1_2345_6000, count: 4096 });
reply('dma-read-reply', Command.DMA_READ, 11, {
  address: 0x1_2345_6000,
  count: 3,
  data: bytes(1, 2, 3),
});
request('dma-write-request', Command.DMA_WRITE, 12, {
  address: 0x20_0000_0000_0000n,
  count: 3,
  data: bytes(1, 2, 3),
});
reply('dma-write-reply', Command.DMA_WRITE, 12, { address: 0x20_0000_0000_0000n, count: 3 });
request('device-reset-request', Command.DEVICE_RESET, 13, undefined);
reply('device-reset-reply', Command.DEVICE_RESET, 13, undefined);
request('region-write-multi-request', Command.REGION_WRITE_MULTI, 14, {
  writes: [
    { offset: 0x1000, region: 0, count: 4, data: bytes(10, 0, 0, 0) },
    { offset: 8, region: 4, count: 1, data: bytes(1) },
  ],
});
reply('region-write-multi-reply', Command.REGION_WRITE_MULTI, 14, { count: 2 });
request('device-feature-request', Command.DEVICE_FEATURE, 15, {
  argsz: 8 + ROOM,
  flags: 0x2_0002,
  data: bytes(3, 0, 0, 0, 0, 0, 0, 0),
});
reply('device-feature-reply', Command.DEVICE_FEATURE, 15, {
  argsz: 16,
  flags: 0x1_0001,
  data: bytes(1, 0, 0, 0, 0, 0, 0, 0),
});
request('mig-data-read-request', Command.MIG_DATA_READ, 16, { argsz: 12, size: 4 });
reply('mig-data-read-reply', Command.MIG_DATA_READ, 16, {
  argsz: 12,
  size: 4,
  data: bytes(0xde, 0xad, 0xbe, 0xef),
});
request('mig-data-write-request', Command.MIG_DATA_WRITE, 17, {
  argsz: 12,
  size: 4,
  data: bytes(0xde, 0xad, 0xbe, 0xef),
});
reply('mig-data-write-reply', Command.MIG_DATA_WRITE, 17, undefined);
oneWay('interrupt', ExtensionCommand.INTERRUPT, { index: 2, vector: 3, count: 1 });
oneWay('doorbell', ExtensionCommand.DOORBELL, { region: 0, entry: 0, count: 2 });
oneWay('keep-alive', ExtensionCommand.KEEP_ALIVE, { nonce: 70_000, reply: false });
oneWay('acknowledge', ExtensionCommand.ACKNOWLEDGE, { messages: 1000, bytes: 81_000 });
oneWay('dma-write-posted', Command.DMA_WRITE, {
  address: 0x1_2345_6000,
  count: 4,
  data: Uint8Array.of(1, 2, 3, 4),
});
oneWay('dma-fault', ExtensionCommand.DMA_FAULT, {
  message: 300,
  address: 0x1_2345_6000,
  count: 4,
  errno: 14,
});
request('push-rules-request', ExtensionCommand.PUSH_RULES, 18, {
  rules: [
    {
      id: 1,
      region: 0,
      offset: 0x1008,
      size: 4,
      ring: { address: 0x1_0000_0000, entryBytes: 8, entries: 32, tail: 31 },
    },
  ],
});
reply('push-rules-reply', ExtensionCommand.PUSH_RULES, 18, undefined);
samples.set('error-reply', {
  kind: 'error',
  command: Command.REGION_READ,
  id: 19,
  errno: 22,
  text: 'REGION_READ of region 9 at 0x0: the device has no such region',
});
