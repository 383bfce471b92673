import t from 'tap';
import { EINVAL } from '../../src/errno.js';
import { Command } from '../../src/protocol/enums.js';
import { NativeEncoding } from '../../src/protocol/native/native-encoding.js';
import { frameOf, frameWith, hex, u32 } from './wire.js';

const native = new NativeEncoding();
const REPLY = { flags: 1 };

/** Payload bytes of the fixed part, by command: one byte less is malformed, exactly that is not. */
const structs: readonly [command: number, bytes: number][] = [
  [Command.VERSION, 4],
  [Command.DMA_MAP, 32],
  [Command.DMA_UNMAP, 24],
  [Command.DEVICE_GET_INFO, 16],
  [Command.DEVICE_GET_REGION_INFO, 32],
  [Command.DEVICE_GET_REGION_IO_FDS, 16],
  [Command.DEVICE_GET_IRQ_INFO, 16],
  [Command.DEVICE_SET_IRQS, 20],
  [Command.REGION_READ, 16],
  [Command.REGION_WRITE, 16],
  [Command.DMA_READ, 16],
  [Command.DMA_WRITE, 16],
  [Command.REGION_WRITE_MULTI, 8],
  [Command.DEVICE_FEATURE, 8],
  [Command.MIG_DATA_READ, 8],
  [Command.MIG_DATA_WRITE, 8],
];

/** Commands with an argsz in front, and the least it can be. */
const argszMinimum: ReadonlyMap<number, number> = new Map([
  [Command.DMA_MAP, 32],
  [Command.DMA_UNMAP, 24],
  [Command.DEVICE_GET_INFO, 16],
  [Command.DEVICE_GET_REGION_INFO, 32],
  [Command.DEVICE_GET_REGION_IO_FDS, 16],
  [Command.DEVICE_GET_IRQ_INFO, 16],
  [Command.DEVICE_SET_IRQS, 20],
  [Command.DEVICE_FEATURE, 8],
  [Command.MIG_DATA_READ, 8],
  [Command.MIG_DATA_WRITE, 8],
]);

t.test('a request shorter than its struct is malformed', async (t) => {
  for (const [command, bytes] of structs) {
    const payload = Buffer.alloc(bytes);
    const argsz = argszMinimum.get(command);
    if (argsz !== undefined) payload.writeUInt32LE(argsz, 0);
    t.match(native.decode(frameWith(command, payload)), { kind: 'request' }, `${command} whole`);
    for (const length of [0, bytes - 1]) {
      t.match(
        native.decode(frameWith(command, payload.subarray(0, length))),
        { kind: 'malformed', isRequest: true, command, id: 0x1234, errno: EINVAL },
        `${command} with ${length} bytes`,
      );
    }
  }
});

t.test('an argsz below the struct is malformed', async (t) => {
  const fixed = new Map(structs);
  for (const [command, minimum] of argszMinimum) {
    const payload = Buffer.alloc(fixed.get(command) ?? 0);
    for (const argsz of [0, minimum - 1]) {
      payload.writeUInt32LE(argsz, 0);
      const message = native.decode(frameWith(command, payload));
      t.match(
        message,
        { kind: 'malformed', errno: EINVAL, reason: /argsz/ },
        `${command} ${argsz}`,
      );
    }
    payload.writeUInt32LE(0xffff_ffff, 0);
    t.match(native.decode(frameWith(command, payload)), { kind: 'request' }, 'larger is fine');
  }
});

t.test('an unknown command is malformed, in either direction', async (t) => {
  for (const command of [0, 14, 19, 999, 0xffff]) {
    const request = { kind: 'malformed', isRequest: true, command, errno: EINVAL };
    t.match(native.decode(frameWith(command, hex('00'))), request);
    const reply = { kind: 'malformed', isRequest: false, command };
    t.match(native.decode(frameWith(command, hex(''), REPLY)), reply);
  }
});

t.test('a message type that is neither command nor reply is malformed', async (t) => {
  for (const flags of [2, 3, 15, 0x22]) {
    const message = native.decode(frameWith(Command.DEVICE_RESET, hex(''), { flags }));
    t.match(message, { kind: 'malformed', isRequest: true, errno: EINVAL }, `flags ${flags}`);
  }
});

t.test('a malformed message keeps the No_reply bit of a request', async (t) => {
  const { DMA_MAP } = Command;
  t.match(native.decode(frameWith(DMA_MAP, hex(''), { flags: 0x10 })), { noReply: true });
  t.match(native.decode(frameWith(DMA_MAP, hex(''))), { noReply: false });
  const reply = native.decode(frameWith(99, hex(''), { flags: 0x11 }));
  t.match(reply, { isRequest: false, noReply: false });
});

t.test('a frame that is not what its header says is malformed', async (t) => {
  t.match(native.decode(frameOf(hex('3412 0d00'))), { kind: 'malformed', isRequest: false });
  const longer = hex('3412 0d00 11000000 00000000 00000000');
  t.match(native.decode(frameOf(longer)), { kind: 'malformed', isRequest: true, id: 0x1234 });
});

t.test('version data without a NUL at its end is malformed', async (t) => {
  for (const data of ['7b7d', '7b7d0020', '20']) {
    const message = native.decode(frameWith(Command.VERSION, hex(`0000 0000 ${data}`)));
    t.match(message, { kind: 'malformed', reason: /NUL/ });
  }
  const twice = native.decode(frameWith(Command.VERSION, hex('0000 0000 7b7d0000')));
  t.match(twice, { kind: 'request', body: { capabilities: '{}' } }, 'the first NUL ends the text');
});

t.test('GET_DIRTY_BITMAP needs the bitmap description and room for it', async (t) => {
  const whole = u32(40, 1, 0, 0, 4096, 0, 4096, 0, 8, 0);
  t.match(native.decode(frameWith(Command.DMA_UNMAP, whole)), { body: { bitmap: { size: 8 } } });
  const short = frameWith(Command.DMA_UNMAP, whole.subarray(0, 39));
  t.match(native.decode(short), { kind: 'malformed' });
  whole.writeUInt32LE(39, 0);
  t.match(native.decode(frameWith(Command.DMA_UNMAP, whole)), { kind: 'malformed' });
});

t.test('a dirty bitmap reply must hold the bits it announces', async (t) => {
  const bits = (...size: [number, number]): Buffer =>
    Buffer.concat([u32(56, 1, 0, 0, 4096, 0, 4096, 0, ...size), Buffer.alloc(8)]);
  const { DMA_UNMAP } = Command;
  t.match(native.decode(frameWith(DMA_UNMAP, bits(8, 0), REPLY)), { kind: 'reply' });
  t.match(native.decode(frameWith(DMA_UNMAP, bits(9, 0), REPLY)), { kind: 'malformed' });
  const huge = frameWith(DMA_UNMAP, bits(0, 0xffff_ffff), REPLY);
  t.match(native.decode(huge), { kind: 'malformed', isRequest: false });
});

t.test('DATA_BOOL must come with one byte per interrupt', async (t) => {
  const request = (count: number, there: number) =>
    native.decode(
      frameWith(
        Command.DEVICE_SET_IRQS,
        Buffer.concat([u32(20, 0x22, 2, 0, count), Buffer.alloc(there)]),
      ),
    );
  t.match(request(2, 2), { kind: 'request' });
  t.match(request(0, 0), { kind: 'request' });
  for (const [count, there] of [
    [2, 0],
    [2, 1],
    [2, 3],
    [0xffff_ffff, 2],
  ] as const) {
    t.match(request(count, there), { kind: 'malformed', errno: EINVAL }, `${count} with ${there}`);
  }
});

t.test('REGION_WRITE and DMA_WRITE must bring exactly count bytes', async (t) => {
  for (const command of [Command.REGION_WRITE, Command.DMA_WRITE]) {
    const request = (...count: [number, number]) => {
      // The count is a u32 at 12 of REGION_WRITE and a u64 at 8 of DMA_WRITE.
      const head = command === Command.REGION_WRITE ? u32(0, 0, 0, count[0]) : u32(0, 0, ...count);
      return native.decode(frameWith(command, Buffer.concat([head, Buffer.alloc(4)])));
    };
    t.match(request(4, 0), { kind: 'request', body: { count: 4 } });
    for (const count of [0, 3, 5, 0xffff_ffff]) {
      t.match(request(count, 0), { kind: 'malformed', errno: EINVAL }, `${command} ${count}`);
    }
    if (command === Command.DMA_WRITE) t.match(request(4, 1), { kind: 'malformed' });
  }
});

t.test('a read reply shorter than its count is malformed, a longer one is cut', async (t) => {
  for (const command of [Command.REGION_READ, Command.DMA_READ]) {
    const reply = (count: number) => {
      const head = command === Command.REGION_READ ? u32(0, 0, 0, count) : u32(0, 0, count, 0);
      return native.decode(frameWith(command, Buffer.concat([head, u32(7)]), REPLY));
    };
    t.match(reply(5), { kind: 'malformed', isRequest: false });
    t.match(reply(2), { kind: 'reply', body: { count: 2, data: { length: 2 } } });
  }
  const huge = frameWith(Command.DMA_READ, u32(0, 0, 0, 0xffff_ffff), REPLY);
  t.match(native.decode(huge), { kind: 'malformed' });
});

t.test('replies cut short in the middle of their struct are malformed', async (t) => {
  for (const [command, length] of [
    [Command.REGION_READ, 15],
    [Command.REGION_WRITE, 1],
    [Command.DMA_READ, 15],
    [Command.DMA_WRITE, 11],
    [Command.DMA_WRITE, 13],
    [Command.DEVICE_GET_INFO, 15],
    [Command.DEVICE_GET_REGION_INFO, 31],
    [Command.REGION_WRITE_MULTI, 7],
    [Command.MIG_DATA_READ, 7],
  ] as const) {
    const message = native.decode(frameWith(command, Buffer.alloc(length), REPLY));
    t.match(message, { kind: 'malformed', isRequest: false }, `${command} with ${length} bytes`);
  }
});

t.test('a count that is no exact number is malformed', async (t) => {
  const count = u32(0, 0, 0, 0x20_0000);
  t.match(native.decode(frameWith(Command.DMA_READ, count)), { kind: 'malformed', errno: EINVAL });
  t.match(native.decode(frameWith(Command.DMA_WRITE, count, REPLY)), { kind: 'malformed' });
  const total = frameWith(Command.REGION_WRITE_MULTI, u32(0, 0x20_0000), REPLY);
  t.match(native.decode(total), { kind: 'malformed' });
  const largest = frameWith(Command.DMA_READ, u32(0, 0, 0xffff_ffff, 0x1f_ffff));
  t.match(native.decode(largest), { kind: 'request', body: { count: Number.MAX_SAFE_INTEGER } });
});

t.test('a region offset of 2^64 - 1 lies outside of everything', async (t) => {
  const frame = frameWith(Command.REGION_READ, u32(0xffff_ffff, 0xffff_ffff, 7, 256));
  t.match(native.decode(frame), { kind: 'request', body: { offset: 2 ** 64, count: 256 } });
});

t.test('REGION_WRITE_MULTI must have wr_cnt writes of at most 8 bytes', async (t) => {
  const request = (total: [number, number], count: number, there: number) =>
    native.decode(
      frameWith(
        Command.REGION_WRITE_MULTI,
        Buffer.concat([u32(...total, 0, 0, 0, count), Buffer.alloc(8)]).subarray(0, there),
      ),
    );
  t.match(request([1, 0], 8, 32), { kind: 'request', body: { writes: { length: 1 } } });
  t.match(request([0, 0], 0, 8), { kind: 'request', body: { writes: [] } });
  t.match(request([1, 0], 9, 32), { kind: 'malformed', errno: EINVAL }, 'count 9');
  t.match(request([1, 0], 0xffff_ffff, 32), { kind: 'malformed' }, 'count of all ones');
  t.match(request([2, 0], 8, 32), { kind: 'malformed' }, 'fewer writes than wr_cnt');
  t.match(request([0, 0], 8, 32), { kind: 'malformed' }, 'more writes than wr_cnt');
  t.match(request([1, 0], 8, 31), { kind: 'malformed' }, 'a cut write');
  t.match(request([1, 0xffff_ffff], 8, 32), { kind: 'malformed' }, 'wr_cnt near 2^64');
});

t.test('migration data must hold size bytes, and argsz the data that is asked for', async (t) => {
  const data = (size: number) => Buffer.concat([u32(12, size), Buffer.alloc(4)]);
  t.match(native.decode(frameWith(Command.MIG_DATA_WRITE, data(5))), { kind: 'malformed' });
  t.match(native.decode(frameWith(Command.MIG_DATA_READ, data(5), REPLY)), { kind: 'malformed' });
  t.match(
    native.decode(frameWith(Command.MIG_DATA_READ, data(3), REPLY)),
    { kind: 'reply', body: { data: { length: 3 } } },
    'size counts, not the payload',
  );
  t.match(native.decode(frameWith(Command.MIG_DATA_READ, u32(11, 4))), { kind: 'malformed' });
  t.match(native.decode(frameWith(Command.MIG_DATA_READ, u32(12, 4))), { kind: 'request' });
});
