// Tests of node-rdma-ffi on a device: each way in which bytes get to the other end.

import { createHash } from 'node:crypto';
import { CompletionOpcode, CompletionStatus, SendFlag } from 'node-rdma-ffi';
import type { Test } from 'tap';
import { connectedEnds, pattern, QUEUE } from './rdma-ends.js';

const { SUCCESS } = CompletionStatus;
const { SIGNALED, INLINE } = SendFlag;

export async function sendsAMessage(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  right.receive(2 ** 40 + 5);
  left.buffer.bytes.set(pattern(1000, 1));
  left.pair.postSend({ id: 2 ** 52 + 1, ...left.local(1000), flags: SIGNALED });

  t.match(await left.next(), {
    id: 2 ** 52 + 1,
    status: SUCCESS,
    opcode: CompletionOpcode.SEND,
    queuePair: left.pair.number,
  });
  t.match(await right.next(), {
    id: 2 ** 40 + 5,
    status: SUCCESS,
    opcode: CompletionOpcode.RECV,
    byteLength: 1000,
    immediate: undefined,
    queuePair: right.pair.number,
  });
  t.same(right.buffer.bytes.subarray(0, 1000), pattern(1000, 1));
  t.equal(right.buffer.bytes[1000], 0, 'not a byte more');
}

export async function sendsImmediates(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  right.receive(1);
  right.receive(2);
  left.pair.postSend({ id: 3, immediate: 0xfedc_ba98, flags: SIGNALED });
  t.equal((await left.next()).status, SUCCESS);
  t.match(await right.next(), {
    id: 1,
    opcode: CompletionOpcode.RECV,
    byteLength: 0,
    immediate: 0xfedc_ba98,
  });
  left.pair.postSend({ id: 4 });
  t.match(await right.next(), { id: 2, byteLength: 0, immediate: undefined });
}

export async function sendsInline(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t, { maxInline: 64 });
  t.ok(left.pair.maxInline >= 64);
  const { address, length } = left.buffer;
  left.region.close();
  right.receive(1);
  left.buffer.bytes.set(pattern(64, 3));
  left.pair.postSend({ id: 1, address, length: 64, flags: SIGNALED | INLINE });
  left.buffer.bytes.fill(0);
  t.equal((await right.next()).byteLength, 64);
  t.same(right.buffer.bytes.subarray(0, 64), pattern(64, 3));
  t.throws(() => left.pair.postSend({ id: 1, address, length, flags: INLINE }), {
    code: 'RDMA_VERB_FAILED',
    verb: 'ibv_post_send',
    message: 'maxInline',
  });
}

export async function writesToThePeer(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  left.buffer.bytes.set(pattern(500, 4));
  left.pair.postWrite({ id: 1, ...left.local(500), ...right.remote(100), flags: SIGNALED });
  t.match(await left.next(), { id: 1, status: SUCCESS, opcode: CompletionOpcode.RDMA_WRITE });
  t.same(right.buffer.bytes.subarray(100, 600), pattern(500, 4));
  t.equal(right.buffer.bytes[99], 0);
  t.equal(right.buffer.bytes[600], 0);
}

export async function readsFromThePeer(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  right.buffer.bytes.set(pattern(500, 5), 100);
  left.pair.postRead({ id: 1, ...left.local(500), ...right.remote(100), flags: SIGNALED });
  t.match(await left.next(), {
    status: SUCCESS,
    opcode: CompletionOpcode.RDMA_READ,
    byteLength: 500,
  });
  t.same(left.buffer.bytes.subarray(0, 500), pattern(500, 5));
}

/** What a device needs for an interrupt after its DMA. */
export async function writesComeBeforeTheirNotification(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  for (let round = 0; round < 100; round++) {
    right.receive(round);
    left.buffer.bytes.set(pattern(8192, round));
    const request = { id: round, ...left.local(8192) };
    left.pair.postWrite({ ...request, ...right.remote() });
    if (round % 2 === 0) {
      left.pair.postSend({ id: round, flags: SIGNALED });
    } else {
      const told = { immediate: round, flags: SIGNALED };
      left.pair.postWrite({ ...request, ...right.remote(8192), ...told });
    }
    const notification = await right.next();
    t.same(right.buffer.bytes.subarray(0, 8192), pattern(8192, round));
    if (round % 2 === 1) {
      t.match(notification, {
        opcode: CompletionOpcode.RECV_RDMA_WITH_IMM,
        immediate: round,
        byteLength: 8192,
      });
      t.same(right.buffer.bytes.subarray(8192, 16_384), pattern(8192, round));
    }
    t.equal((await left.next()).status, SUCCESS);
  }
}

export async function movesLargeMemory(t: Test): Promise<void> {
  const length = 8 * 2 ** 20 + 13;
  const [left, right] = connectedEnds(t, { length });
  left.buffer.bytes.set(pattern(length, 9));
  const sum = checksum(left.buffer.bytes);
  const request = { ...left.local(length), ...right.remote(), flags: SIGNALED };

  left.pair.postWrite({ id: 1, ...request });
  t.equal((await left.next()).status, SUCCESS);
  t.equal(checksum(right.buffer.bytes), sum);

  left.buffer.bytes.fill(0);
  left.pair.postRead({ id: 2, ...request });
  t.equal((await left.next()).status, SUCCESS);
  t.equal(checksum(left.buffer.bytes), sum);
}

/** The process sleeps between any two: not one wake-up may get lost. */
export function answersEachMessage(spinUs: number): (t: Test) => Promise<void> {
  return async (t) => {
    const rounds = 500;
    const [left, right] = connectedEnds(t, { spinUs });
    right.receive(0);
    const begin = performance.now();
    for (let round = 0; round < rounds; round++) {
      left.receive(round);
      left.pair.postSend({ id: round, ...left.local(64) });
      t.match(await right.next(), { status: SUCCESS, byteLength: 64 });
      right.receive(round);
      right.pair.postSend({ id: round, ...right.local(64) });
      t.match(await left.next(), { id: round, status: SUCCESS, byteLength: 64 });
      // Unsignaled work requests leave the send queue when a later one is reported.
      if (round % (QUEUE / 2) === 0) {
        for (const end of [left, right]) {
          end.pair.postWrite({ id: 1, remoteAddress: 0, remoteKey: 0, flags: SIGNALED });
          t.equal((await end.next()).opcode, CompletionOpcode.RDMA_WRITE);
        }
      }
    }
    const us = Math.round(((performance.now() - begin) * 1000) / rounds);
    process.stdout.write(`${us} us for a message and its answer, waiting actively ${spinUs} us\n`);
  };
}

function checksum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
