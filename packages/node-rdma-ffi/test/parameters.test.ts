import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { RdmaError } from '../src/index.js';
import { checkParameters, connectOptions } from '../src/queue-pair/parameters.js';

const good = {
  queuePair: 17,
  packetSequence: 0xff_ffff,
  gid: '::ffff:a00:1',
  lid: 0,
  mtuBytes: 1024,
  maxReads: 16,
};

t.test('what a peer may send is taken, and nothing else', async (t) => {
  checkParameters(good);
  for (const wrong of [
    { queuePair: 2 ** 24 },
    { packetSequence: -1 },
    { gid: '10.0.0.1' },
    { lid: 65_536 },
    { mtuBytes: 1500 },
    { maxReads: 256 },
    // What has no text of its own.
    { queuePair: { toString: undefined } },
    { mtuBytes: Object.create(null) },
    { mtuBytes: 'constructor' as unknown as number },
    { gid: 1n },
    { gid: { toJSON: () => assert.fail() } },
  ] as Partial<typeof good>[]) {
    t.throws(() => checkParameters({ ...good, ...wrong }), {
      code: 'RDMA_INVALID',
      message: new RegExp(Object.keys(wrong).join().replace('gid', 'GID')),
    });
  }
});

t.test('no value of a field does anything but pass or be refused', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(good)), fc.anything(), (field, value) => {
      try {
        checkParameters({ ...good, [field]: value });
      } catch (error) {
        return error instanceof RdmaError;
      }
      return true;
    }),
  );
  t.pass();
});

t.test('the patience of a connection has defaults and limits', async (t) => {
  t.same(connectOptions({}), { timeout: 14, retryCount: 6, rnrRetry: 7, minRnrTimer: 12 });
  t.match(connectOptions({ timeout: 8, retryCount: 0 }), { timeout: 8, retryCount: 0 });
  for (const wrong of [{ timeout: 0 }, { retryCount: 8 }, { rnrRetry: -1 }, { minRnrTimer: 32 }]) {
    t.throws(() => connectOptions(wrong), { code: 'RDMA_INVALID' });
  }
});
