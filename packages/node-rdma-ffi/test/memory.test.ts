import t from 'tap';
import { addressOf, NativeBuffer } from '../src/index.js';
import { accessFlags } from '../src/memory/access.js';
import { pin, unpin } from '../src/memory/native-buffer.js';

t.test('a native buffer is page aligned, zeroed, and shares no page', async (t) => {
  const buffer = new NativeBuffer(5000);
  t.equal(buffer.address % 4096, 0);
  t.equal(buffer.address, addressOf(buffer.bytes));
  t.same([buffer.length, buffer.bytes.length, buffer.view.byteLength], [5000, 5000, 5000]);
  t.ok(buffer.bytes.every((byte) => byte === 0));
  t.ok(buffer.bytes.buffer.byteLength - buffer.bytes.byteOffset >= 2 * 4096);
  buffer.view.setUint8(4999, 7);
  t.equal(buffer.bytes[4999], 7);
  for (const wrong of [0, -1, 1.5]) {
    t.throws(() => new NativeBuffer(wrong), { code: 'RDMA_INVALID' });
  }
});

t.test('a buffer is released once, and not while it is registered', async (t) => {
  const buffer = new NativeBuffer(100);
  pin(buffer.bytes.buffer);
  pin(buffer.bytes.buffer);
  unpin(buffer.bytes.buffer);
  t.throws(() => buffer.release(), { code: 'RDMA_INVALID', message: /close its memory region/ });
  unpin(buffer.bytes.buffer);
  buffer.release();
  buffer.release();
  t.equal(buffer.bytes.length, 0);
});

t.test('a memory region has just the permissions that were asked for', async (t) => {
  t.equal(accessFlags({}), 0);
  t.equal(accessFlags({ localWrite: true }), 1);
  t.equal(accessFlags({ remoteRead: true }), 4);
  t.equal(accessFlags({ localWrite: true, remoteRead: true, remoteWrite: true }), 7);
  t.equal(accessFlags({ remoteRead: true, onDemand: true }), 68);
  t.throws(() => accessFlags({ remoteWrite: true }), { code: 'RDMA_INVALID', message: /set both/ });
});
