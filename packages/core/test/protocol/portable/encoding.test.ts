import { Unpackr } from 'msgpackr/unpack';
import t from 'tap';
import { Command, ExtensionCommand } from '../../../src/protocol/enums.js';
import { NativeEncoding } from '../../../src/protocol/native/native-encoding.js';
import { PortableEncoding } from '../../../src/protocol/portable/portable-encoding.js';
import { frameOf } from '../wire.js';

const portable = new PortableEncoding();
const unpackr = new Unpackr({ useRecords: false });

function header(frame: number, record: number, offset = 0): DataView {
  const view = new DataView(new ArrayBuffer(offset + 8));
  view.setUint32(offset, frame, true);
  view.setUint32(offset + 4, record, true);
  return view;
}

t.test('the length of a frame stands in its first four bytes', async (t) => {
  const { framing } = portable;
  t.equal(framing.headerBytes, 8);
  for (const length of [8, 9, 0x1234, 8 + 65_536 + 1_048_576 + 65_536]) {
    t.equal(framing.frameLength(header(length, 0, 5), 5), length);
  }
  for (const length of [0, 7, 8 + 65_536 + 1_048_576 + 65_536 + 1, 0xffff_ffff]) {
    t.throws(() => framing.frameLength(header(length, 0), 0), {
      code: 'VFU_PROTOCOL_VIOLATION',
      message: new RegExp(`a frame of ${length} bytes`),
    });
  }
  t.notOk(framing.mayCarryDescriptors(header(8, 0), 0));
});

t.test('a record that does not fit its frame or the limit is refused', async (t) => {
  const { framing } = portable;
  t.equal(framing.frameLength(header(108, 100), 0), 108);
  t.equal(framing.frameLength(header(65_544, 65_536), 0), 65_544);
  for (const [frame, record] of [
    [108, 101],
    [8, 1],
    [70_000, 65_537],
    [8, 0xffff_ffff],
  ] as const) {
    t.throws(() => framing.frameLength(header(frame, record), 0), {
      code: 'VFU_PROTOCOL_VIOLATION',
      message: new RegExp(`a record of ${record} bytes`),
    });
  }
});

t.test('the limit follows from max_data_xfer_size', async (t) => {
  const { framing } = new PortableEncoding({ maxDataXferSize: 4096 });
  const largest = 8 + 65_536 + 4096 + 65_536;
  t.equal(framing.frameLength(header(largest, 0), 0), largest);
  t.throws(() => framing.frameLength(header(largest + 1, 0), 0));
});

t.test('data is copied up to 4096 bytes and borrowed above', async (t) => {
  for (const count of [4096, 4097]) {
    const data = new Uint8Array(count).map((_, i) => i);
    const message = portable.encodeReply(Command.DMA_READ, 1, { address: 0, count, data });
    t.equal(message.data, count > 4096 ? data : undefined);
    const whole = Buffer.concat([message.head, message.data ?? Buffer.alloc(0)]);
    t.equal(whole.readUInt32LE(0), whole.length);
    t.strictSame(whole.subarray(-count), Buffer.from(data));
  }
});

t.test('of several pieces of data the last one is borrowed', async (t) => {
  const data = new Uint8Array(5000).fill(1);
  const pushed = [{ address: 0, data: new Uint8Array(6000).fill(2) }];
  const body = { offset: 0, region: 0, count: 5000, data, pushed };
  const message = portable.encodeRequest(Command.REGION_WRITE, 1, body);
  t.equal(message.data, pushed[0]?.data);
  const whole = Buffer.concat([message.head, message.data ?? Buffer.alloc(0)]);
  t.match(portable.decode(frameOf(whole)), { kind: 'request', body: { data, pushed } });
});

t.test('bodies borrow from the frame instead of copying', async (t) => {
  const body = { address: 0, count: 1, data: Uint8Array.of(5) };
  const { head } = portable.encodeRequest(Command.DMA_WRITE, 1, body);
  const frame = frameOf(head);
  const message = portable.decode(frame);
  if (message.kind !== 'request' || message.command !== Command.DMA_WRITE) {
    return t.fail(`got ${message.kind}`);
  }
  t.equal(message.body.data.buffer, frame.bytes.buffer);
});

t.test('a message above the initial scratch memory is written whole', async (t) => {
  const fresh = new PortableEncoding();
  fresh.encodeRequest(Command.DEVICE_RESET, 1, undefined);
  const writes = Array.from({ length: 1024 }, (_, i) => ({
    offset: 2 ** 40 + i,
    region: 0,
    count: 8,
    data: new Uint8Array(8).fill(i),
  }));
  const { head } = fresh.encodeRequest(Command.REGION_WRITE_MULTI, 1, { writes });
  t.strictSame(fresh.decode(frameOf(head)), {
    kind: 'request',
    command: Command.REGION_WRITE_MULTI,
    id: 1,
    noReply: false,
    body: { writes },
  });
  const small = fresh.encodeRequest(Command.DEVICE_RESET, 1, undefined);
  t.match(fresh.decode(frameOf(small.head)), { kind: 'request', command: Command.DEVICE_RESET });
});

t.test('records of the greatest lengths stay within the limit', async (t) => {
  const most = 0xffff_ffff;
  const address = 2n ** 64n - 1n;
  const ring = { address, entryBytes: most, entries: most, tail: most };
  const rule = { id: most, region: most, offset: 2 ** 53 - 1, size: 8 as const, ring };
  const rules = portable.encodeRequest(ExtensionCommand.PUSH_RULES, 0xffff, {
    rules: Array.from({ length: 512 }, () => rule),
  });
  t.ok(portable.framing.frameLength(new DataView(rules.head.buffer), 0) < 65_536 + 8);
  const entry = {
    offset: 2 ** 53 - 1,
    size: 2 ** 53 - 1,
    fdIndex: most,
    type: most,
    flags: most,
    datamatch: address,
  };
  const entries = Array.from({ length: 512 }, () => entry);
  const body = { argsz: 0, flags: most, index: most, count: 512, entries };
  const ioFds = portable.encodeReply(Command.DEVICE_GET_REGION_IO_FDS, 0xffff, body);
  t.ok(portable.framing.frameLength(new DataView(ioFds.head.buffer), 0) < 65_536 + 8);
});

t.test('an error carries a text, and not any length of it', async (t) => {
  const decode = (text?: string) =>
    portable.decode(frameOf(portable.encodeError(Command.DMA_MAP, 3, 22, text).head));
  t.strictSame(decode('no room'), {
    kind: 'error',
    command: Command.DMA_MAP,
    id: 3,
    errno: 22,
    text: 'no room',
  });
  t.notOk('text' in decode());
  t.match(decode('x'.repeat(5000)), { text: 'x'.repeat(1024) });
});

t.test('capabilities travel as a map', async (t) => {
  const text = '{"capabilities":{"max_msg_fds":8,"migration":{"pgsize":4096},"vendor_x":1}}';
  const { head } = portable.encodeRequest(Command.VERSION, 1, {
    major: 0,
    minor: 2,
    capabilities: text,
  });
  const { body } = unpackr.unpack(head.subarray(8));
  t.match(body, { major: 0, minor: 2, capabilities: { max_msg_fds: 8 } });
  t.match(portable.decode(frameOf(head)), {
    body: { capabilities: '{"capabilities":{"max_msg_fds":8,"migration":{"pgsize":4096}}}' },
  });
});

t.test('the native encoding refuses the commands of the portable one', async (t) => {
  const native = new NativeEncoding();
  const body = { index: 2, vector: 0, count: 1 };
  t.throws(() => native.encodeRequest(ExtensionCommand.INTERRUPT, 0, body, true), {
    code: 'VFU_UNSUPPORTED',
    message: 'the native encoding has no INTERRUPT: use the portable one',
  });
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(ExtensionCommand.INTERRUPT, 2);
  bytes.writeUInt32LE(28, 4);
  t.match(native.decode(frameOf(bytes)), {
    kind: 'malformed',
    reason: 'INTERRUPT: unknown command',
  });
});
