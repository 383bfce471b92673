import t from 'tap';
import { Command } from '../../src/protocol/enums.js';
import type { KnownCommand, ReplyBodies, RequestBodies } from '../../src/protocol/messages.js';
import { NativeEncoding } from '../../src/protocol/native/native-encoding.js';
import { frameOf, hex, hexText } from './wire.js';

const native = new NativeEncoding();
const bytes = (text: string): Uint8Array => new Uint8Array(hex(text));

/** The same bytes both ways: written by the encoder, understood by the decoder. */
function request<C extends KnownCommand>(command: C, body: RequestBodies[C], wire: string): void {
  t.test(`command ${command} as a request`, async (t) => {
    t.equal(hexText(native.encodeRequest(command, 0x1234, body)), hex(wire).toString('hex'));
    const message = native.decode(frameOf(hex(wire)));
    t.strictSame(message, { kind: 'request', command, id: 0x1234, noReply: false, body });
  });
}

function reply<C extends KnownCommand>(command: C, body: ReplyBodies[C], wire: string): void {
  t.test(`command ${command} as a reply`, async (t) => {
    t.equal(hexText(native.encodeReply(command, 0x1234, body)), hex(wire).toString('hex'));
    const message = native.decode(frameOf(hex(wire)));
    t.strictSame(message, { kind: 'reply', command, id: 0x1234, body });
  });
}

request(
  Command.VERSION,
  { major: 0, minor: 2, capabilities: '{}' },
  '3412 0100 17000000 00000000 00000000  0000 0200 7b7d00',
);
request(
  Command.VERSION,
  { major: 1, minor: 0x0201 },
  '3412 0100 14000000 00000000 00000000  0100 0102',
);
reply(
  Command.VERSION,
  { major: 0, minor: 1, capabilities: '' },
  '3412 0100 15000000 01000000 00000000  0000 0100 00',
);

request(
  Command.DMA_MAP,
  { argsz: 32, flags: 3, offset: 0x8000_0000n, address: 0x1_0000_0000, size: 0x4000_0000 },
  `3412 0200 30000000 00000000 00000000
   20000000 03000000 0000008000000000 0000000001000000 0000004000000000`,
);
request(
  Command.DMA_MAP,
  { argsz: 40, flags: 13, offset: 2n ** 64n - 1n, address: 0xffff_ffff_ffff_f000n, size: 4096 },
  `3412 0200 30000000 00000000 00000000
   28000000 0d000000 ffffffffffffffff 00f0ffffffffffff 0010000000000000`,
);
reply(Command.DMA_MAP, undefined, '3412 0200 10000000 01000000 00000000');

request(
  Command.DMA_UNMAP,
  { argsz: 24, flags: 0, address: 0xc_0000, size: 0x1_0000 },
  `3412 0300 28000000 00000000 00000000
   18000000 00000000 00000c0000000000 0000010000000000`,
);
request(
  Command.DMA_UNMAP,
  { argsz: 48, flags: 1, address: 0, size: 0x4_0000, bitmap: { pgsize: 4096, size: 8 } },
  `3412 0300 38000000 00000000 00000000
   30000000 01000000 0000000000000000 0000040000000000 0010000000000000 0800000000000000`,
);
reply(
  Command.DMA_UNMAP,
  { argsz: 24, flags: 2, address: 0, size: 0 },
  `3412 0300 28000000 01000000 00000000
   18000000 02000000 0000000000000000 0000000000000000`,
);
reply(
  Command.DMA_UNMAP,
  {
    argsz: 48,
    flags: 1,
    address: 0,
    size: 0x4_0000,
    bitmap: { pgsize: 4096, size: 8 },
    bits: bytes('c103000000000000'),
  },
  `3412 0300 40000000 01000000 00000000
   30000000 01000000 0000000000000000 0000040000000000 0010000000000000 0800000000000000
   c103000000000000`,
);

request(
  Command.DEVICE_GET_INFO,
  { argsz: 16 },
  '3412 0400 20000000 00000000 00000000  10000000 00000000 00000000 00000000',
);
reply(
  Command.DEVICE_GET_INFO,
  { argsz: 16, flags: 3, numRegions: 9, numIrqs: 5 },
  '3412 0400 20000000 01000000 00000000  10000000 03000000 09000000 05000000',
);

request(
  Command.DEVICE_GET_REGION_INFO,
  { argsz: 32, index: 7 },
  `3412 0500 30000000 00000000 00000000
   20000000 00000000 07000000 00000000 0000000000000000 0000000000000000`,
);
request(
  Command.DEVICE_GET_REGION_INFO,
  { argsz: 40, index: 1 },
  `3412 0500 38000000 00000000 00000000
   28000000 00000000 01000000 00000000 0000000000000000 0000000000000000 0000000000000000`,
);
reply(
  Command.DEVICE_GET_REGION_INFO,
  { argsz: 80, flags: 7, index: 1, size: 0x2_0000_0000, offset: 0x1000 },
  `3412 0500 30000000 01000000 00000000
   50000000 07000000 01000000 00000000 0000000002000000 0010000000000000`,
);
reply(
  Command.DEVICE_GET_REGION_INFO,
  {
    argsz: 80,
    flags: 7,
    index: 0,
    size: 0x4000,
    offset: 0,
    sparse: [
      { offset: 0x1000, size: 0x1000 },
      { offset: 0x3000, size: 0x800 },
    ],
  },
  `3412 0500 60000000 01000000 00000000
   50000000 0f000000 00000000 20000000 0040000000000000 0000000000000000
   0100 0100 00000000 02000000 00000000
   0010000000000000 0010000000000000 0030000000000000 0008000000000000`,
);

request(
  Command.DEVICE_GET_REGION_IO_FDS,
  { argsz: 416, flags: 0, index: 2, count: 0 },
  '3412 0600 20000000 00000000 00000000  a0010000 00000000 02000000 00000000',
);
reply(
  Command.DEVICE_GET_REGION_IO_FDS,
  { argsz: 56, flags: 0, index: 2, count: 1, entries: [] },
  '3412 0600 20000000 01000000 00000000  38000000 00000000 02000000 01000000',
);
reply(
  Command.DEVICE_GET_REGION_IO_FDS,
  {
    argsz: 96,
    flags: 0,
    index: 2,
    count: 2,
    entries: [
      { offset: 0x1000, size: 4, fdIndex: 0, type: 0, flags: 1, datamatch: 0x1122_3344_5566_7788n },
      { offset: 0x1008, size: 8, fdIndex: 0xffff_ffff, type: 1, flags: 0, datamatch: 0n },
    ],
  },
  `3412 0600 70000000 01000000 00000000
   60000000 00000000 02000000 02000000
   0010000000000000 0400000000000000 00000000 00000000 01000000 00000000 8877665544332211
   0810000000000000 0800000000000000 ffffffff 01000000 00000000 00000000 0000000000000000`,
);

request(
  Command.DEVICE_GET_IRQ_INFO,
  { argsz: 16, index: 2 },
  '3412 0700 20000000 00000000 00000000  10000000 00000000 02000000 00000000',
);
reply(
  Command.DEVICE_GET_IRQ_INFO,
  { argsz: 16, flags: 9, index: 2, count: 2048 },
  '3412 0700 20000000 01000000 00000000  10000000 09000000 02000000 00080000',
);

request(
  Command.DEVICE_SET_IRQS,
  { argsz: 20, flags: 0x24, index: 2, start: 1, count: 3 },
  '3412 0800 24000000 00000000 00000000  14000000 24000000 02000000 01000000 03000000',
);
request(
  Command.DEVICE_SET_IRQS,
  { argsz: 22, flags: 0x22, index: 2, start: 0, count: 2, bools: bytes('0001') },
  '3412 0800 26000000 00000000 00000000  16000000 22000000 02000000 00000000 02000000 0001',
);
reply(Command.DEVICE_SET_IRQS, undefined, '3412 0800 10000000 01000000 00000000');

request(
  Command.REGION_READ,
  { offset: 0x1_0000_0010, region: 7, count: 4 },
  '3412 0900 20000000 00000000 00000000  1000000001000000 07000000 04000000',
);
reply(
  Command.REGION_READ,
  { offset: 0x10, region: 7, count: 4, data: bytes('78563412') },
  '3412 0900 24000000 01000000 00000000  1000000000000000 07000000 04000000 78563412',
);
reply(Command.REGION_READ, undefined, '3412 0900 10000000 01000000 00000000');

request(
  Command.REGION_WRITE,
  { offset: 4, region: 0, count: 2, data: bytes('0604') },
  '3412 0a00 22000000 00000000 00000000  0400000000000000 00000000 02000000 0604',
);
reply(
  Command.REGION_WRITE,
  { offset: 4, region: 0, count: 2 },
  '3412 0a00 20000000 01000000 00000000  0400000000000000 00000000 02000000',
);
reply(Command.REGION_WRITE, undefined, '3412 0a00 10000000 01000000 00000000');

request(
  Command.DMA_READ,
  { address: 0xffff_ffff_0000_0000n, count: 4096 },
  '3412 0b00 20000000 00000000 00000000  00000000ffffffff 0010000000000000',
);
reply(
  Command.DMA_READ,
  { address: 0x1000, count: 3, data: bytes('010203') },
  '3412 0b00 23000000 01000000 00000000  0010000000000000 0300000000000000 010203',
);

request(
  Command.DMA_WRITE,
  { address: 0x1000, count: 3, data: bytes('010203') },
  '3412 0c00 23000000 00000000 00000000  0010000000000000 0300000000000000 010203',
);
reply(
  Command.DMA_WRITE,
  { address: 0x1000, count: 3 },
  '3412 0c00 20000000 01000000 00000000  0010000000000000 0300000000000000',
);
reply(Command.DMA_WRITE, undefined, '3412 0c00 10000000 01000000 00000000');

request(Command.DEVICE_RESET, undefined, '3412 0d00 10000000 00000000 00000000');
reply(Command.DEVICE_RESET, undefined, '3412 0d00 10000000 01000000 00000000');

request(
  Command.REGION_WRITE_MULTI,
  {
    writes: [
      { offset: 0x1000, region: 0, count: 4, data: bytes('0a000000') },
      { offset: 8, region: 4, count: 8, data: bytes('0102030405060708') },
    ],
  },
  `3412 0f00 48000000 00000000 00000000  0200000000000000
   0010000000000000 00000000 04000000 0a00000000000000
   0800000000000000 04000000 08000000 0102030405060708`,
);
reply(
  Command.REGION_WRITE_MULTI,
  { count: 2 },
  '3412 0f00 18000000 01000000 00000000  0200000000000000',
);

request(
  Command.DEVICE_FEATURE,
  { argsz: 16, flags: 0x2_0002, data: bytes('0300000000000000') },
  '3412 1000 20000000 00000000 00000000  10000000 02000200 0300000000000000',
);
reply(
  Command.DEVICE_FEATURE,
  { argsz: 16, flags: 0x1_0001, data: bytes('0500000000000000') },
  '3412 1000 20000000 01000000 00000000  10000000 01000100 0500000000000000',
);

request(
  Command.MIG_DATA_READ,
  { argsz: 12, size: 4 },
  '3412 1100 18000000 00000000 00000000  0c000000 04000000',
);
reply(
  Command.MIG_DATA_READ,
  { argsz: 12, size: 4, data: bytes('deadbeef') },
  '3412 1100 1c000000 01000000 00000000  0c000000 04000000 deadbeef',
);
request(
  Command.MIG_DATA_WRITE,
  { argsz: 12, size: 4, data: bytes('deadbeef') },
  '3412 1200 1c000000 00000000 00000000  0c000000 04000000 deadbeef',
);
reply(Command.MIG_DATA_WRITE, undefined, '3412 1200 10000000 01000000 00000000');
