import t from 'tap';
import { WorkRequestOpcode } from '../src/native/constants.js';
import type { NativeStruct } from '../src/native/native-struct.js';
import {
  NativeReceiveRequest,
  NativeSendRequest,
  SendFlag,
} from '../src/queue-pair/work-requests.js';

// Read with BigInts at the offsets of the C structures, unlike they are written.
const u64 = (native: NativeStruct, offset: number) => native.view.getBigUint64(offset, true);
const u32 = (native: NativeStruct, offset: number) => native.view.getUint32(offset, true);

t.test('a send request is the struct ibv_send_wr of its arguments', async (t) => {
  const request = new NativeSendRequest();
  const { native } = request;
  request.setWrite({
    id: 2 ** 53 - 1,
    address: 0x7fff_1234_5678,
    length: 4096,
    localKey: 0xdead_beef,
    flags: SendFlag.SIGNALED,
    remoteAddress: 0x7eee_8765_4321,
    remoteKey: 0xffff_fffe,
    immediate: 0x0102_0304,
  });

  t.equal(u64(native, 0), 2n ** 53n - 1n, 'wr_id');
  t.equal(u64(native, 8), 0n, 'next');
  t.equal(u64(native, 16), BigInt(native.address + 128), 'sg_list');
  t.equal(u32(native, 24), 1, 'num_sge');
  t.equal(u32(native, 28), WorkRequestOpcode.RDMA_WRITE_WITH_IMM, 'opcode');
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
  const request = new NativeSendRequest();
  const remote = { remoteAddress: 2 ** 40, remoteKey: 5 };
  request.setWrite({ id: 2 ** 40, address: 2 ** 40, length: 10, localKey: 1, flags: 3, ...remote });
  request.setSend({ id: 7 });
  const { native } = request;
  t.equal(u64(native, 0), 7n);
  t.equal(u32(native, 24), 0, 'an empty message has no memory');
  t.equal(u32(native, 28), WorkRequestOpcode.SEND);
  t.equal(u32(native, 32), 0);
});

t.test(
  'an immediate, 0 included, makes the opcode; a request has what it needs and no more',
  async (t) => {
    const request = new NativeSendRequest();
    const { native } = request;
    const remote = { remoteAddress: 1, remoteKey: 2 };
    request.setSend({ id: 1, immediate: 0 });
    t.equal(u32(native, 28), WorkRequestOpcode.SEND_WITH_IMM);
    request.setSend({ id: 1, immediate: undefined });
    t.equal(u32(native, 28), WorkRequestOpcode.SEND);
    request.setWrite({ id: 1, ...remote });
    t.equal(u32(native, 28), WorkRequestOpcode.RDMA_WRITE);
    request.setRead({ id: 1, ...remote });
    t.equal(u32(native, 28), WorkRequestOpcode.RDMA_READ);
  },
);

t.test('a receive request is the struct ibv_recv_wr of its arguments', async (t) => {
  const request = new NativeReceiveRequest();
  const { native } = request;
  request.set({ id: 2 ** 33 + 1, address: 2 ** 46 + 3, length: 100, localKey: 9 });
  t.equal(u64(native, 0), 2n ** 33n + 1n, 'wr_id');
  t.equal(u64(native, 8), 0n, 'next');
  t.equal(u64(native, 16), BigInt(native.address + 32), 'sg_list');
  t.equal(u32(native, 24), 1, 'num_sge');
  t.equal(u64(native, 32), 2n ** 46n + 3n, 'sge.addr');
  t.equal(u32(native, 40), 100, 'sge.length');
  t.equal(u32(native, 44), 9, 'sge.lkey');
});

t.test('a length that does not fit is refused, not cut', async (t) => {
  const request = new NativeSendRequest();
  for (const length of [-1, 2 ** 32, 0.5, Number.NaN]) {
    t.throws(() => request.setSend({ id: 1, length }), { code: 'RDMA_INVALID' });
  }
});
