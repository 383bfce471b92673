// Tests of node-rdma-ffi on a device: what a peer is not allowed, and what goes wrong.

import { spawnSync } from 'node:child_process';
import { CompletionStatus, type MemoryRegionAccess, SendFlag } from 'node-rdma-ffi';
import type { Test } from 'tap';
import { connectedEnds, type End, pattern, QUEUE } from './rdma-ends.js';

const { SUCCESS, LOC_PROT_ERR, REM_ACCESS_ERR, WR_FLUSH_ERR } = CompletionStatus;
const { SIGNALED } = SendFlag;

/** What the peer tries: always 1000 bytes of its own memory. */
interface Attempt {
  readonly access?: MemoryRegionAccess;
  readonly post: (left: End, right: End) => void;
}

function attempt(left: End, remoteAddress: number, remoteKey: number) {
  return { id: 1, ...left.local(1000), remoteAddress, remoteKey, flags: SIGNALED };
}

const write = (left: End, address: number, key: number): void =>
  left.pair.postWrite(attempt(left, address, key));
const read = (left: End, address: number, key: number): void =>
  left.pair.postRead(attempt(left, address, key));

const attempts: Readonly<Record<string, Attempt>> = {
  'a write to memory that may only be read': {
    access: { localWrite: true, remoteRead: true },
    post: (left, { region }) => write(left, region.address, region.remoteKey),
  },
  'a read of memory that may only be written': {
    access: { localWrite: true, remoteWrite: true },
    post: (left, { region }) => read(left, region.address, region.remoteKey),
  },
  'a write to memory that the peer may not reach at all': {
    access: { localWrite: true },
    post: (left, { region }) => write(left, region.address, region.remoteKey),
  },
  'a write across the end of the memory': {
    post: (left, { region }) => write(left, region.address + region.length - 999, region.remoteKey),
  },
  'a write before the begin of the memory': {
    post: (left, { region }) => write(left, region.address - 1, region.remoteKey),
  },
  'a read across the end of the memory': {
    post: (left, { region }) => read(left, region.address + region.length - 999, region.remoteKey),
  },
  'a write after the memory was deregistered': {
    post: (left, { region }) => {
      region.close();
      write(left, region.address, region.remoteKey);
    },
  },
  'a read after the memory was deregistered': {
    post: (left, { region }) => {
      region.close();
      read(left, region.address, region.remoteKey);
    },
  },
  'a write with a wrong key': {
    post: (left, { region }) => write(left, region.address, (region.remoteKey ^ 0x100) >>> 0),
  },
  'a write with the key zero': {
    post: (left, { region }) => write(left, region.address, 0),
  },
};

/** One test each: refused, nothing touched, the connection broken. */
export function violations(t: Test): void {
  for (const [title, { access, post }] of Object.entries(attempts)) {
    t.test(`${title} is refused`, async (t) => {
      const [left, right] = connectedEnds(t, {}, access === undefined ? {} : { access });
      const before = pattern(right.buffer.length, 1);
      right.buffer.bytes.set(before);
      left.buffer.bytes.fill(0xee);
      post(left, right);
      t.match(await left.next(), { id: 1, status: REM_ACCESS_ERR });
      t.same(right.buffer.bytes, before, 'the memory is as before');
      t.ok(
        left.buffer.bytes.every((byte) => byte === 0xee),
        'nothing was read',
      );
      t.equal(left.pair.state(), 'error');
    });
  }
}

export async function refusesAWrongLocalKey(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  const request = { id: 1, ...left.local(10), ...right.remote(), flags: SIGNALED };
  left.pair.postWrite({ ...request, localKey: 12_345 });
  // Soft RoCE only says that the queue pair failed.
  t.ok([LOC_PROT_ERR, WR_FLUSH_ERR].includes((await left.next()).status as 4 | 5));
  t.equal(right.buffer.bytes[0], 0);
}

export async function refusesATooLongMessage(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  right.receive(1, 100);
  left.pair.postSend({ id: 2, ...left.local(101), flags: SIGNALED });
  t.not((await left.next()).status, SUCCESS);
  t.not((await right.next()).status, SUCCESS);
}

export async function flushesOnFailure(t: Test): Promise<void> {
  const [left] = connectedEnds(t);
  left.receive(1);
  left.receive(2);
  t.equal(left.pair.state(), 'ready-to-send');
  left.pair.fail();
  t.equal(left.pair.state(), 'error');
  t.match(await left.next(), { id: 1, status: WR_FLUSH_ERR });
  t.match(await left.next(), { id: 2, status: WR_FLUSH_ERR });
}

export async function noticesAPeerThatIsGone(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  right.device.close();
  left.pair.postSend({ id: 1, ...left.local(10), flags: SIGNALED });
  t.equal((await left.next()).status, CompletionStatus.RETRY_EXC_ERR);
}

export async function refusesMoreThanTheQueueHolds(t: Test): Promise<void> {
  const [left] = connectedEnds(t);
  const fill = (): void => {
    for (let i = 0; i < 100 * QUEUE; i++) left.receive(i);
  };
  t.throws(fill, { code: 'RDMA_VERB_FAILED', verb: 'ibv_post_recv', message: 'maxReceive' });
}

/** The kernel copies pages on write after a fork: those the adapter knows must stay with the parent. */
export async function childProcessesTakeNoMemoryAway(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  t.equal(spawnSync('/usr/bin/ip', ['-V']).status, 0);
  left.buffer.bytes.fill(0x5a);
  left.pair.postWrite({ id: 1, ...left.local(4096), ...right.remote(), flags: SIGNALED });
  t.equal((await left.next()).status, SUCCESS);
  t.equal(right.buffer.bytes[4095], 0x5a);
}
