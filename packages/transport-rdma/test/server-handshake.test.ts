import type { Handshake } from '@vfio-user/core';
import t from 'tap';
import type { QueuePairEnd } from '../src/endpoint/queue-pair-end.js';
import { ATTACHMENT, decodeRecord, encodeRecord, type PeerSetup } from '../src/setup/records.js';
import { ServerHandshake } from '../src/setup/server-handshake.js';

const setup: PeerSetup = {
  queuePair: 1,
  packetSequence: 2,
  gid: '::ffff:127.0.0.1',
  lid: 0,
  mtuBytes: 1024,
  maxReads: 16,
  slots: 8,
  slotBytes: 4096,
};

/** A client that can do RDMA, and has nothing else to say. */
const inner: Handshake = {
  greeting: new Uint8Array(0),
  attachment: ATTACHMENT,
  consume: () => 0,
};

function offer(join: (peer: PeerSetup) => void) {
  const log: string[] = [];
  const endpoint = {
    setup,
    join(peer: PeerSetup) {
      log.push(`joined ${peer.queuePair}`);
      join(peer);
    },
    close: () => void log.push('closed'),
  } as unknown as QueuePairEnd;
  const handshake = new ServerHandshake(inner, () => endpoint);
  handshake.consume(encodeRecord({ rdma: 'offer', ...setup, queuePair: 77 }));
  const answer = decodeRecord(handshake.takeAnswer() as Uint8Array)?.value;
  return { log, answer, outcome: handshake.outcome };
}

t.test('the queue pair takes messages in before the client is told of it', async (t) => {
  const { log, answer, outcome } = offer(() => {});
  t.equal(answer?.rdma, 'accept');
  t.same(log, ['joined 77']);
  t.ok('endpoint' in outcome);
});

t.test('a queue pair that cannot be joined is not offered', async (t) => {
  const { log, answer, outcome } = offer(() => {
    throw new Error('ibv_modify_qp failed');
  });
  t.match(answer, { rdma: 'refuse', reason: /ibv_modify_qp/ });
  t.same(log, ['joined 77', 'closed']);
  t.match(outcome, { reason: /ibv_modify_qp/ });
});
