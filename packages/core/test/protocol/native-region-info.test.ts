import t from 'tap';
import { EINVAL } from '../../src/errno.js';
import { Command } from '../../src/protocol/enums.js';
import { NativeEncoding } from '../../src/protocol/native/native-encoding.js';
import { frameWith, hex, u32 } from './wire.js';

const native = new NativeEncoding();
const REPLY = { flags: 1 };

t.test('sub-region entries of 48 bytes have their datamatch at 40', async (t) => {
  const payload = hex(
    `40000000 00000000 02000000 01000000
     0010000000000000 0400000000000000 03000000 00000000 01000000 ffffffff
     1111111111111111 0a00000000000000`,
  );
  const message = native.decode(frameWith(Command.DEVICE_GET_REGION_IO_FDS, payload, { flags: 1 }));
  const entry = { offset: 0x1000, size: 4, fdIndex: 3, type: 0, flags: 1, datamatch: 10n };
  t.strictSame(message, {
    kind: 'reply',
    command: Command.DEVICE_GET_REGION_IO_FDS,
    id: 0x1234,
    body: { argsz: 64, flags: 0, index: 2, count: 1, entries: [entry] },
  });
});

t.test('unknown region capabilities are passed over', async (t) => {
  const payload = hex(
    `50000000 0f000000 00000000 20000000 0040000000000000 0000000000000000
     0200 0100 30000000 aaaaaaaa bbbbbbbb
     0100 0100 00000000 01000000 00000000 0010000000000000 0010000000000000`,
  );
  const message = native.decode(frameWith(Command.DEVICE_GET_REGION_INFO, payload, { flags: 1 }));
  t.match(message, { kind: 'reply', body: { sparse: [{ offset: 0x1000, size: 0x1000 }] } });

  const alone = payload.subarray(0, 48);
  alone.writeUInt32LE(0, 36);
  t.strictSame(
    native.decode(frameWith(Command.DEVICE_GET_REGION_INFO, alone, { flags: 1 })),
    {
      kind: 'reply',
      command: Command.DEVICE_GET_REGION_INFO,
      id: 0x1234,
      body: { argsz: 80, flags: 7, index: 0, size: 0x4000, offset: 0 },
    },
    'no sparse areas then',
  );
});

t.test('a region request is padded to argsz, within reason', async (t) => {
  const command = Command.DEVICE_GET_REGION_INFO;
  native.encodeRequest(Command.DMA_WRITE, 1, { address: 0, count: 0, data: new Uint8Array(0) });
  t.equal(native.encodeRequest(command, 1, { argsz: 4064, index: 0 }).head.length, 16 + 4064);
  t.equal(
    native.encodeRequest(command, 1, { argsz: 2 ** 32 - 1, index: 0 }).head.length,
    16 + 4096,
  );
  t.equal(native.encodeRequest(command, 1, { argsz: 0, index: 0 }).head.length, 16 + 32);
});

t.test('a region capability chain that leads nowhere is malformed', async (t) => {
  const reply = (capOffset: number, ...capability: number[]) =>
    native.decode(
      frameWith(
        Command.DEVICE_GET_REGION_INFO,
        u32(80, 0xf, 0, capOffset, 0x4000, 0, 0, 0, ...capability),
        REPLY,
      ),
    );
  const sparse = 0x1_0001;
  const other = 0x1_0002;
  t.match(reply(32, sparse, 0, 1, 0, 0, 0, 1, 0), { kind: 'reply' });
  t.match(reply(0), { kind: 'reply' }, 'an empty chain is one');
  for (const [what, message] of [
    ['offset in the fixed part', reply(8)],
    ['offset at the end', reply(32)],
    ['offset past the end', reply(0xffff_fff8, sparse, 0)],
    ['header over the end', reply(36, sparse, 0)],
    ['loop onto itself', reply(32, other, 32)],
    ['loop of two', reply(32, other, 40, other, 32)],
    ['next past the end', reply(32, other, 4000)],
    ['sparse head cut', reply(32, sparse, 0, 1)],
    ['one area too many', reply(32, sparse, 0, 2, 0, 0, 0, 1, 0)],
    ['areas near 2^32', reply(32, sparse, 0, 0xffff_ffff, 0, 0, 0, 1, 0)],
  ] as const) {
    t.match(message, { kind: 'malformed', isRequest: false, errno: EINVAL }, what);
  }
  t.match(reply(32, 0x2_0001, 0, 0xffff_ffff, 0), { kind: 'reply' }, 'another version is unknown');
});

t.test('sub-regions that do not fit their argsz or payload are malformed', async (t) => {
  const reply = (argsz: number, count: number, there: number) =>
    native.decode(
      frameWith(
        Command.DEVICE_GET_REGION_IO_FDS,
        Buffer.concat([u32(argsz, 0, 0, count), Buffer.alloc(there)]),
        REPLY,
      ),
    );
  t.match(reply(56, 1, 40), { body: { entries: { length: 1 } } });
  t.match(reply(64, 1, 48), { body: { entries: { length: 1 } } });
  t.match(reply(16 + 40 * 6, 6, 0), { body: { count: 6, entries: [] } }, 'no room was given');
  t.match(reply(16, 0, 0), { body: { entries: [] } });
  for (const [argsz, count, there] of [
    [55, 1, 40],
    [57, 1, 41],
    [56, 2, 40],
    [56, 1, 39],
    [96, 2, 40],
    [16, 0xffff_ffff, 40],
    [0, 1, 40],
    [0xffff_ffff, 0xffff_ffff, 40],
  ] as const) {
    t.match(reply(argsz, count, there), { kind: 'malformed' }, `${argsz} ${count} ${there}`);
  }
});
