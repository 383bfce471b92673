// What a peer's adapter has taken, by the numbers of packets.

import t from 'tap';
import { InterruptedTransferError, RdmaTransfer } from '../src/work/rdma-transfer.js';
import { SendQueue } from '../src/work/send-queue.js';

const MTU = 1024;

/** A queue whose packets begin with `first`, and a way to post writes. */
function queueFrom(first: number) {
  const queue = new SendQueue({
    queuePair: {
      maxInline: 0,
      postWrite() {},
      postSend() {},
    } as never,
    staging: { address: 0, bytes: new Uint8Array(2 ** 16), release() {} },
    stagingKey: 0,
    maxSend: 64,
  });
  queue.begin(first, MTU);
  const errors: unknown[] = [];
  const write = (bytes: number, postedBytes = bytes): void => {
    const transfer = new RdmaTransfer(
      false,
      new Uint8Array(bytes),
      { address: 0, key: 0 },
      { resolve() {}, reject: (error) => void errors.push(error) },
    );
    queue.postPart(transfer, queue.reserve(postedBytes), postedBytes);
    if (postedBytes < bytes) transfer.fail(new Error('lost'));
  };
  return { queue, errors, write };
}

for (const first of [0, 100, 2 ** 24 - 2]) {
  t.test(`with packets from ${first} on`, async (t) => {
    const { queue, errors, write } = queueFrom(first);
    const packet = (n: number): number => (first + n) % 2 ** 24;
    write(2 * MTU); // packets 0 and 1
    queue.postNotice(0, false); // packet 2
    write(1); // packet 3
    write(MTU + 1); // packets 4 and 5
    queue.fail(new Error('lost'));
    const tookEffect = (n: number): boolean[] =>
      errors.map((error) => queue.tookEffect(error, packet(n)));
    t.strictSame(tookEffect(0), [false, false, false]);
    t.strictSame(tookEffect(1), [false, false, false], 'half of it');
    t.strictSame(tookEffect(2), [true, false, false]);
    t.strictSame(tookEffect(3), [true, false, false]);
    t.strictSame(tookEffect(4), [true, true, false]);
    t.strictSame(tookEffect(5), [true, true, false]);
    t.strictSame(tookEffect(6), [true, true, true]);
    t.strictSame(tookEffect(7), [false, false, false], 'more than was sent');
    t.strictSame(tookEffect(2 ** 24 - 1), [false, false, false], 'less than was acknowledged');
  });
}

t.test('what is complete is not asked for; what was not posted has not arrived', async (t) => {
  const { queue, errors, write } = queueFrom(10);
  write(MTU);
  write(MTU);
  queue.complete(0);
  write(3 * MTU, MTU);
  queue.fail(new Error('lost'));
  t.equal(errors.length, 3, 'one that was interrupted before all of it was posted');
  t.strictSame(
    errors.map((error) => queue.tookEffect(error, 10)),
    [false, false, false],
    'it had come further',
  );
  t.equal(errors.filter((error) => queue.tookEffect(error, 13)).length, 1);
  t.notOk(queue.tookEffect(new Error('lost'), 13));
  t.notOk(queue.tookEffect(new InterruptedTransferError(new Error('lost'), undefined), 13));
});
