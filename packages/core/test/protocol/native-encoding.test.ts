import t from 'tap';
import { Command } from '../../src/protocol/enums.js';
import { NativeEncoding } from '../../src/protocol/native/native-encoding.js';
import { frameOf, frameWith, hex, hexText } from './wire.js';

const native = new NativeEncoding();

t.test('bytes behind a request struct are padding', async (t) => {
  const spdk = Buffer.alloc(4064);
  spdk.writeUInt32LE(4064, 0);
  spdk.writeUInt32LE(8, 8);
  t.match(native.decode(frameWith(Command.DEVICE_GET_REGION_INFO, spdk)), {
    kind: 'request',
    body: { argsz: 4064, index: 8 },
  });
  const large = Buffer.alloc(32);
  large.writeUInt32LE(32, 0);
  t.match(native.decode(frameWith(Command.DEVICE_GET_INFO, large)), { body: { argsz: 32 } });
  t.match(native.decode(frameWith(Command.DEVICE_RESET, large)), { kind: 'request' });
});

t.test('the No_reply bit goes both ways', async (t) => {
  const wire = '3412 0d00 10000000 10000000 00000000';
  const message = native.encodeRequest(Command.DEVICE_RESET, 0x1234, undefined, true);
  t.equal(hexText(message), hex(wire).toString('hex'));
  t.match(native.decode(frameOf(hex(wire))), { kind: 'request', noReply: true });
});

t.test('an error reply is a header with the Error bit and a Linux errno', async (t) => {
  const wire = '3412 0900 10000000 21000000 16000000';
  t.equal(hexText(native.encodeError(Command.REGION_READ, 0x1234, 22)), hex(wire).toString('hex'));
  const error = { kind: 'error', command: Command.REGION_READ, id: 0x1234 };
  t.strictSame(native.decode(frameOf(hex(wire))), { ...error, errno: 22 });
  const unspecific = hex('3412 0900 10000000 21000000 00000000');
  t.strictSame(native.decode(frameOf(unspecific)), { ...error, errno: 0 });
  const unknownCommand = hex('3412 6300 10000000 21000000 efbe0000');
  t.match(native.decode(frameOf(unknownCommand)), { kind: 'error', command: 99, errno: 0xbeef });
});

t.test('an Error bit or error number in a request means nothing', async (t) => {
  const wire = hex('3412 0d00 10000000 20000000 16000000');
  t.match(native.decode(frameOf(wire)), { kind: 'request', command: Command.DEVICE_RESET });
});

t.test('a DMA_WRITE reply of 12 bytes has a 32-bit count', async (t) => {
  const payload = hex('0010000000000000 03000000');
  const message = native.decode(frameWith(Command.DMA_WRITE, payload, { flags: 1 }));
  t.match(message, { kind: 'reply', body: { address: 0x1000, count: 3 } });
});

t.test('padding holds nothing of the message before', async (t) => {
  const data = new Uint8Array(4096).fill(0xaa);
  native.encodeRequest(Command.REGION_WRITE, 1, { offset: 0, region: 0, count: 4096, data });
  const { head } = native.encodeRequest(Command.DEVICE_GET_REGION_INFO, 1, {
    argsz: 999,
    index: 0,
  });
  t.strictSame(new Set(head.subarray(16 + 4)), new Set([0]));

  native.encodeRequest(Command.REGION_WRITE, 1, { offset: 0, region: 0, count: 4096, data });
  const writes = [{ offset: 0, region: 0, count: 1, data: Uint8Array.of(0) }];
  const multi = native.encodeRequest(Command.REGION_WRITE_MULTI, 1, { writes });
  t.strictSame(new Set(multi.head.subarray(16 + 8 + 16)), new Set([0]));
});

t.test('data is copied up to 4096 bytes and borrowed above', async (t) => {
  for (const count of [4096, 4097]) {
    const data = new Uint8Array(count).map((_, i) => i);
    const body = { offset: 0, region: 0, count, data };
    const message = native.encodeReply(Command.REGION_READ, 1, body);
    t.equal(message.data, count > 4096 ? data : undefined);
    t.equal(message.head.length, count > 4096 ? 32 : 32 + 4096);
    const whole = Buffer.concat([message.head, message.data ?? Buffer.alloc(0)]);
    t.equal(whole.readUInt32LE(4), 32 + count, 'msg_size counts both');
    t.match(native.decode(frameOf(whole)), { kind: 'reply', body: { count } });
    t.strictSame(whole.subarray(32), Buffer.from(data));
  }
});

t.test('a message above the initial scratch memory is written whole', async (t) => {
  const fresh = new NativeEncoding();
  fresh.encodeRequest(Command.DEVICE_RESET, 1, undefined);
  const capabilities = 'x'.repeat(100_000);
  const large = fresh.encodeRequest(Command.VERSION, 1, { major: 0, minor: 0, capabilities });
  t.match(fresh.decode(frameOf(large.head)), { body: { capabilities } });
  const small = fresh.encodeRequest(Command.DEVICE_RESET, 7, undefined);
  t.equal(hexText(small), '07000d00100000000000000000000000', 'nor is a stale view handed out');
});

t.test('bodies borrow from the frame instead of copying', async (t) => {
  const frame = frameWith(Command.REGION_WRITE, hex('0000000000000000 00000000 01000000 05'));
  const message = native.decode(frame);
  if (message.kind !== 'request' || message.command !== Command.REGION_WRITE) {
    return t.fail(`got ${message.kind}`);
  }
  t.equal(message.body.data.buffer, frame.bytes.buffer);
});

t.test("QEMU's VERSION request is read", async (t) => {
  const json =
    '{"capabilities": {"pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, ' +
    '"max_data_xfer_size": 1048576, "migration": {"max_bitmap_size": 268435456, "pgsize": 4096}, ' +
    '"write_multiple": true}}';
  const wire = Buffer.concat([
    hex('0000 0100 d6000000 00000000 00000000 0000 0000'),
    Buffer.from(`${json}\0`),
  ]);
  t.equal(wire.length, 214);
  t.strictSame(native.decode(frameOf(wire)), {
    kind: 'request',
    command: Command.VERSION,
    id: 0,
    noReply: false,
    body: { major: 0, minor: 0, capabilities: json },
  });
});
