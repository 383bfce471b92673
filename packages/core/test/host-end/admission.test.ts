import { mock } from 'node:test';
import t from 'tap';
import { EBUSY } from '../../src/errno.js';
import { type RequestRefusedError, VfioUserError } from '../../src/errors.js';
import { Admission, type PendingClient } from '../../src/host-end/admission.js';

t.before(() => mock.timers.enable({ apis: ['setTimeout'] }));
t.teardown(() => mock.timers.reset());

const limits = { maxSilentConnections: 3, maxWaitingClients: 2, busyTimeoutMs: 2000 };

class Fake implements PendingClient {
  readonly name: string;
  readonly told: string[] = [];
  why: RequestRefusedError | undefined;

  constructor(name: string) {
    this.name = name;
  }

  admit(): void {
    this.told.push('admitted');
  }

  refuse(why: RequestRefusedError): void {
    this.told.push('refused');
    this.why = why;
  }

  drop(): void {
    this.told.push('dropped');
  }

  close(): void {
    this.told.push('closed');
  }
}

function open(maxClients = 1) {
  const admission = new Admission<Fake>({ limits, maxClients, what: 'the device' });
  const arrive = (name: string): Fake => {
    const fake = new Fake(name);
    admission.arrived(fake);
    return fake;
  };
  const apply = (name: string): Fake => {
    const fake = arrive(name);
    admission.apply(fake);
    return fake;
  };
  return { admission, arrive, apply };
}

t.test(
  'those that say nothing make room, the oldest first, and for a client as well',
  async (t) => {
    const { admission, arrive, apply } = open();
    const silent = ['a', 'b', 'c', 'd', 'e'].map(arrive);
    t.same(
      silent.map(({ told }) => told),
      [['dropped'], ['dropped'], [], [], []],
    );
    t.same(apply('client').told, ['admitted']);
    t.equal(admission.silentCount, 2);
    t.equal(admission.clients.size, 1);
  },
);

t.test('whose session makes room is the next one, however many wait', async (t) => {
  const { admission, arrive, apply } = open();
  const held = apply('held');
  const waiting = [apply('second'), apply('third')];
  const back = arrive('back');
  admission.apply(back, true);
  t.same(back.told, []);
  admission.left(held);
  admission.released(held);
  t.same(back.told, ['admitted']);
  t.same(
    waiting.map(({ told }) => told),
    [[], []],
  );
});

t.test('clients wait in the order of their VERSION, for a time', async (t) => {
  const { admission, arrive, apply } = open();
  const early = arrive('early');
  const [first, second, third] = [apply('first'), apply('second'), apply('third')];
  admission.apply(early);
  t.same(early.told, ['refused'], 'two wait already');
  t.match(early.why, { errno: EBUSY, message: 'the device serves another client, first' });
  admission.left(first);
  t.same(second.told, [], 'what the first leaves behind is cleared away before');
  admission.released(first);
  t.same(second.told, ['admitted']);
  mock.timers.tick(1999);
  t.same(third.told, []);
  mock.timers.tick(1);
  t.same(third.told, ['refused']);
  admission.left(second);
  admission.released(second);
  t.equal(admission.admittedCount, 2);
  t.equal(admission.waitingCount, 0);
  t.same(third.told, ['refused'], 'and that is that');
});

t.test('one that goes while it waits is out of the queue', async (t) => {
  const { admission, apply } = open();
  const [first, second, third] = [apply('first'), apply('second'), apply('third')];
  admission.left(second);
  t.equal(admission.waitingCount, 1);
  admission.released(first);
  mock.timers.tick(limits.busyTimeoutMs);
  t.same([second.told, third.told], [[], ['admitted']]);
});

t.test('those that were refused and do not go make room, too', async (t) => {
  const { admission, apply } = open();
  apply('client');
  const waiting = [apply('one'), apply('two')];
  const refused = ['a', 'b', 'c', 'd'].map(apply);
  t.same(
    refused.map(({ told }) => told.at(-1)),
    ['dropped', 'refused', 'refused', 'refused'],
  );
  mock.timers.tick(limits.busyTimeoutMs);
  t.same(
    [...refused, ...waiting].map(({ told }) => told.at(-1)),
    ['dropped', 'dropped', 'dropped', 'refused', 'refused', 'refused'],
  );
  admission.left(refused[3]!);
  apply('three');
  for (const fake of waiting) admission.apply(fake);
  t.equal(admission.waitingCount, 1, 'nobody is asked twice');
  void admission.close(new VfioUserError('VFU_PEER_CLOSED', 'the server is ending'));
  for (const { told } of waiting) t.equal(told.at(-1), 'dropped');
});

t.test(
  'the end drops who is no client, and waits until nothing is left of those that are',
  async (t) => {
    const { admission, arrive, apply } = open(2);
    const [first, second, waiting, silent] = [
      apply('first'),
      apply('second'),
      apply('third'),
      arrive('silent'),
    ];
    const reason = new VfioUserError('VFU_PEER_CLOSED', 'the server is ending');
    let isOver = false;
    const ended = admission.close(reason).then(() => {
      isOver = true;
    });
    t.same(
      [first, second, waiting, silent, arrive('late')].map(({ told }) => told.at(-1)),
      ['closed', 'closed', 'dropped', 'dropped', 'dropped'],
    );
    admission.released(first);
    await Promise.resolve();
    t.equal(isOver, false);
    admission.released(second);
    await ended;
  },
);
