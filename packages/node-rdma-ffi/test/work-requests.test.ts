import t from 'tap';
import { WorkRequestOpcode } from '../src/native/constants.js';
import type { NativeStruct } from '../src/native/native-struct.js';
import { ReceiveRequest, SendRequest } from '../src/queue-pair/work-requests.js';

// Read with BigInts at the offsets of the C structures, unlike they are written.
const u64 = (native: NativeStruct, offset: number) => native.view.getBigUint64(offset, true);
const u32 = (native: NativeStruct, offset: number) => native.view.getUint32(offset, true);

t.test('a send request is the struct ibv_send_wr of its arguments', async (t) => {
  const request = new SendRequest();
  const { native } = request;
  request.set(
    WorkRequestOpcode.RDMA_WRITE_WITH_IMM,
    2 ** 53 - 1,
    0x7fff_1234_5678,
    4096,
    0xdead_beef,
    2,
  );
  request.setRemote(0x7eee_8765_4321, 0xffff_fffe);
  request.setImmediate(0x0102_0304);

  t.equal(u64(native, 0), 2n ** 53n - 1n, 'wr_id');
  t.equal(u64(native, 8), 0n, 'next');
  t.equal(u64(native, 16), BigInt(native.address + 128), 'sg_list');
  t.equal(u32(native, 24), 1, 'num_sge');
  t.equal(u32(native, 28), 1, 'opcode');
  t.equal(u32(native, 32), 2, 'send_flags');
  t.same([...new Uint8Array(native.view.buffer, 36, 4)], [1, 2, 3, 4], 'imm_data');
  t.equal(u64(native, 40), 0x7eee_8765_4321n, 'wr.rdma.remote_addr');
  t.equal(u32(native, 48), 0xffff_fffe, 'wr.rdma.rkey');
  t.equal(u64(native, 128), 0x7fff_1234_5678n, 'sge.addr');
  t.equal(u32(native, 136), 4096, 'sge.length');
  t.equal(u32(native, 140), 0xdead_beef, 'sge.lkey');
  t.equal(request.badAddress, native.address + 144);
});

t.test('a request that is written anew keeps nothing of the last', async (t) => {
  const request = new SendRequest();
  request.set(WorkRequestOpcode.RDMA_WRITE, 2 ** 40, 2 ** 40, 10, 1, 3);
  request.set(WorkRequestOpcode.SEND, 7, 0, 0, 0, 0);
  const { native } = request;
  t.equal(u64(native, 0), 7n);
  t.equal(u32(native, 24), 0, 'an empty message has no memory');
  t.equal(u32(native, 28), WorkRequestOpcode.SEND);
  t.equal(u32(native, 32), 0);
});

t.test('a receive request is the struct ibv_recv_wr of its arguments', async (t) => {
  const request = new ReceiveRequest();
  const { native } = request;
  request.set(2 ** 33 + 1, 2 ** 46 + 3, 100, 9);
  t.equal(u64(native, 0), 2n ** 33n + 1n, 'wr_id');
  t.equal(u64(native, 8), 0n, 'next');
  t.equal(u64(native, 16), BigInt(native.address + 32), 'sg_list');
  t.equal(u32(native, 24), 1, 'num_sge');
  t.equal(u64(native, 32), 2n ** 46n + 3n, 'sge.addr');
  t.equal(u32(native, 40), 100, 'sge.length');
  t.equal(u32(native, 44), 9, 'sge.lkey');
});

t.test('a length that does not fit is refused, not cut', async (t) => {
  const request = new SendRequest();
  for (const length of [-1, 2 ** 32, 0.5, Number.NaN]) {
    t.throws(() => request.set(WorkRequestOpcode.SEND, 1, 0, length, 0, 0), {
      code: 'RDMA_INVALID',
    });
  }
});
