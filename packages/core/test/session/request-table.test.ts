import { EventEmitter, once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { VfioUserError } from '../../src/errors.js';
import { Command } from '../../src/protocol/enums.js';
import { RequestTable } from '../../src/session/request-table.js';

const TIMEOUT_MS = 30;
const { DEVICE_RESET } = Command;

/** A request of which the test wants to hear. */
function asked(table: RequestTable) {
  const told: string[] = [];
  const events = new EventEmitter();
  const id = table.register(DEVICE_RESET, {
    onReply: () => void told.push('reply'),
    onFailure: (error) => {
      told.push(VfioUserError.is(error) ? error.code : error.message);
      events.emit('failure');
    },
    onLateRefusal: () => void told.push('late refusal'),
  });
  return { id, told, failure: once(events, 'failure') };
}

// The table's own timers keep no process alive, and nothing else happens in this one.
const alive = setInterval(() => {}, 3_600_000);
t.teardown(() => clearInterval(alive));

function open() {
  const violations: Error[] = [];
  return { violations, table: new RequestTable(TIMEOUT_MS, (error) => violations.push(error)) };
}

t.test('a request that takes too long fails, alone and once', async (t) => {
  const { table, violations } = open();
  const slow = asked(table);
  const quick = asked(table);
  table.settle({ kind: 'reply', command: DEVICE_RESET, id: quick.id, body: undefined }, []);
  await slow.failure;
  t.same([slow.told, quick.told], [['VFU_TIMEOUT'], ['reply']]);
  table.settle({ kind: 'reply', command: DEVICE_RESET, id: slow.id, body: undefined }, []);
  table.end(new Error('gone'));
  t.same(slow.told, ['VFU_TIMEOUT'], 'a late reply is thrown away');
  t.same(violations, []);
});

t.test('a request fails in time although nothing else happens', async (t) => {
  const { table } = open();
  const slow = asked(table);
  const failure = slow.failure.then(() => 'the failure');
  const first = await Promise.race([failure, setTimeout(100 * TIMEOUT_MS, 'something else')]);
  t.equal(first, 'the failure');
});

t.test('a late refusal is told, and frees the id', async (t) => {
  const { table } = open();
  const slow = asked(table);
  await slow.failure;
  const refusal = { kind: 'error', command: DEVICE_RESET, id: slow.id, errno: 5 } as const;
  table.settle(refusal, []);
  table.settle(refusal, []);
  t.same(slow.told, ['VFU_TIMEOUT', 'late refusal']);
});

t.test('a request that is sent while another one fails has its own time', async (t) => {
  const { table } = open();
  let second: ReturnType<typeof asked> | undefined;
  await new Promise<void>((resolve) => {
    const onFailure = (): void => {
      second = asked(table);
      resolve();
    };
    table.register(DEVICE_RESET, { onReply() {}, onFailure });
  });
  t.same(second?.told, []);
  await second?.failure;
  t.same(second?.told, ['VFU_TIMEOUT']);
});
