import { decodePreface, encodePreface } from '@vfio-user/core/internal';
import t from 'tap';
import { RelayedPreface } from '../../src/relay/relayed-preface.js';

const preface = {
  major: 1,
  minor: 0,
  session: new Uint8Array(16).fill(7),
  capabilities: ['interrupt', 'something-new'],
  limits: {
    maxFrameBytes: 2 ** 20,
    maxRecordBytes: 2 ** 16,
    maxPushBytes: 0,
    maxPushRules: 0,
    windowMessages: 5,
    windowBytes: 6,
    silenceMs: 7,
  },
};

t.test('a preface is taken as it is, once it is whole', async (t) => {
  const bytes = encodePreface(preface);
  const received: Uint8Array[] = [];
  const handshake = new RelayedPreface(undefined, (one) => received.push(one));
  t.equal(handshake.greeting.length, 0, 'nothing is known to say');
  t.equal(handshake.consume(bytes.subarray(0, bytes.length - 1)), undefined);
  t.equal(handshake.consume(Buffer.concat([bytes, Uint8Array.of(1, 2, 3)])), bytes.length);
  t.strictSame(received, [bytes]);
  t.equal(handshake.received, received[0]);
});

t.test('what a transport attached for its own other end stays behind', async (t) => {
  const bytes = encodePreface({ ...preface, attachment: Uint8Array.of(1, 2, 3) });
  const handshake = new RelayedPreface();
  t.equal(handshake.consume(bytes), bytes.length);
  t.strictSame(decodePreface(handshake.received ?? new Uint8Array()), preface);
});

t.test('another protocol is refused', async (t) => {
  const request = Buffer.from('GET / HTTP/1.1\r\n\r\n');
  t.throws(() => new RelayedPreface().consume(request), { code: 'VFU_PROTOCOL_VIOLATION' });
});
