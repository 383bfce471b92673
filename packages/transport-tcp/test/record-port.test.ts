import { createCipheriv, randomBytes } from 'node:crypto';
import type { PortFactory, StreamEvents, StreamPort } from '@vfio-user/core/transport';
import { canUseAead } from '@vfio-user/posix-ffi';
import t from 'tap';
import { ReceivedBytes } from '../src/link/received-bytes.js';
import { ContentType, HandshakeType } from '../src/tls/record.js';
import { recordLayer } from '../src/tls/record-port.js';
import { suiteOf, TrafficSecret } from '../src/tls/traffic-secret.js';

const { ALERT, HANDSHAKE, APPLICATION_DATA } = ContentType;
const { NEW_SESSION_TICKET, KEY_UPDATE } = HandshakeType;
const NOTHING = Buffer.of();
const suite = suiteOf('TLS_AES_128_GCM_SHA256');
const skip = canUseAead() ? false : 'this Node does not let others call its OpenSSL';

const secret = (fill: number): TrafficSecret =>
  new TrafficSecret(suite, Buffer.alloc(suite.hashBytes, fill));

/** Encrypts by the letter of RFC 8446, section 5.2, and with Node's own cipher. */
class Peer {
  #secret = secret(1);
  #sequence = 0;

  record(type: number, content: Uint8Array, padding = 0): Buffer {
    const inner = Buffer.concat([content, Buffer.of(type), Buffer.alloc(padding)]);
    return this.encrypted(inner);
  }

  encrypted(inner: Uint8Array): Buffer {
    const length = inner.length + 16;
    const header = Buffer.of(23, 3, 3, length >> 8, length & 0xff);
    const nonce = Buffer.from(this.#secret.iv());
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#sequence++) >>> 0, 8);
    const cipher = createCipheriv('aes-128-gcm', this.#secret.key(), nonce);
    cipher.setAAD(header);
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  }

  updateKey(request: number): Buffer {
    const record = this.record(HANDSHAKE, Buffer.of(KEY_UPDATE, 0, 0, 1, request));
    this.#secret = this.#secret.next();
    this.#sequence = 0;
    return record;
  }
}

/** A stream below a port, whose other end is the test. */
class Below {
  readonly sent: Buffer[] = [];
  readonly memory = new Set<ArrayBufferLike>();
  /** Nothing is taken as long as it is set. */
  isFull = false;
  queuedBytes = 0;
  ended = 0;
  events: StreamEvents | undefined;

  readonly factory: PortFactory = (events) => {
    const below = this;
    this.events = events;
    return {
      gathers: true,
      get queuedBytes() {
        return below.queuedBytes;
      },
      start() {},
      push() {},
      pause() {},
      resume() {},
      destroy() {},
      read: () => false,
      end: () => this.ended++,
      send: (head: Uint8Array, data: Uint8Array) => {
        if (data.length > 0) this.memory.add(data.buffer);
        if (this.isFull) this.queuedBytes += head.length + data.length;
        this.sent.push(Buffer.concat([head, data]));
      },
    } as unknown as StreamPort;
  };

  /** The bytes come from the peer. */
  receive(bytes: Uint8Array): void {
    const { assembler, onReceived } = this.events!;
    for (let at = 0; at < bytes.length; ) {
      assembler.reserve();
      const piece = bytes.subarray(at, at + assembler.space);
      assembler.bytes.set(piece, assembler.end);
      assembler.commit(piece.length);
      onReceived.call(this.events);
      at += piece.length;
    }
  }

  take(): Buffer {
    return Buffer.concat(this.sent.splice(0));
  }
}

interface Options {
  readonly isServer?: boolean;
  readonly recordsPerKey?: number;
  /** Room for data that is delivered. */
  readonly room?: number;
}

function setUp({ isServer = true, recordsPerKey, room = 0x2_0000 }: Options = {}) {
  const below = new Below();
  const delivered: Buffer[] = [];
  const gone: (Error | undefined)[] = [];
  let ends = 0;
  const assembler = new ReceivedBytes(Buffer.alloc(0));
  Object.defineProperty(assembler, 'space', {
    get: () => Math.max(0, Math.min(room, assembler.bytes.length - assembler.end)),
  });
  const deliver = (): void => {
    while (port.read(assembler)) {
      delivered.push(Buffer.from(assembler.bytes.subarray(assembler.start, assembler.end)));
      assembler.start = assembler.end;
    }
  };
  const events: StreamEvents = {
    assembler,
    state: 'open',
    paused: false,
    onReceived: deliver,
    onSent() {},
    onEnd: () => ends++,
    onGone: (error) => gone.push(error),
  };
  const port = recordLayer({
    peer: 'peer',
    isServer,
    receiving: secret(1),
    sending: secret(2),
    received: NOTHING,
    ...(recordsPerKey !== undefined && { recordsPerKey }),
  })(below.factory)(events);
  return { port, below, gone, data: () => Buffer.concat(delivered.splice(0)), ends: () => ends };
}

/** The other end of what a port sends. */
function opened(sent: Uint8Array, recordsPerKey?: number) {
  const below = new Below();
  const delivered: Buffer[] = [];
  const assembler = new ReceivedBytes(Buffer.alloc(0));
  const alerts: (Error | undefined)[] = [];
  let ends = 0;
  const events: StreamEvents = {
    assembler,
    state: 'open',
    paused: false,
    onReceived() {
      while (port.read(assembler)) {
        delivered.push(Buffer.from(assembler.bytes.subarray(assembler.start, assembler.end)));
        assembler.start = assembler.end;
      }
    },
    onSent() {},
    onEnd: () => ends++,
    onGone: (error) => alerts.push(error),
  };
  const port = recordLayer({
    peer: 'other end',
    isServer: false,
    receiving: secret(2),
    sending: secret(3),
    received: NOTHING,
    ...(recordsPerKey !== undefined && { recordsPerKey }),
  })(below.factory)(events);
  below.receive(sent);
  return { data: Buffer.concat(delivered), alerts, ends };
}

t.test('keys are those of RFC 8448, section 3', async (t) => {
  const traffic = new TrafficSecret(
    suite,
    Buffer.from('9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5', 'hex'),
  );
  t.equal(Buffer.from(traffic.key()).toString('hex'), '17422dda596ed5d9acd890e3c63f5051');
  t.equal(Buffer.from(traffic.iv()).toString('hex'), '5b78923dee08579033e523d9');
  t.throws(() => suiteOf('TLS_AES_128_CCM_SHA256'), /unknown cipher suite/);
});

t.test('records of all lengths, with padding, byte by byte and at once', { skip }, async (t) => {
  const contents = [0, 1, 100, 16_383, 16_384].map((length) => randomBytes(length));
  for (const room of [1, 1000, 0x2_0000]) {
    const { below, data, gone } = setUp({ room });
    const peer = new Peer();
    for (const padding of [0, 1, 254]) {
      const records = contents.map((each) =>
        peer.record(APPLICATION_DATA, each, Math.min(padding, 16_384 - each.length)),
      );
      below.receive(Buffer.concat(records));
      t.equal(Buffer.compare(data(), Buffer.concat(contents)), 0, `${room}, ${padding}`);
    }
    for (const byte of peer.record(APPLICATION_DATA, contents[2]!)) below.receive(Buffer.of(byte));
    t.strictSame(data(), contents[2]);
    t.strictSame(gone, []);
  }
});

t.test('a peer that breaks the rules is told why, and heard no longer', { skip }, async (t) => {
  const peer = (make: (peer: Peer) => Uint8Array): Uint8Array => make(new Peer());
  const handshake = (...bytes: number[]): Uint8Array =>
    peer((it) => it.record(HANDSHAKE, Buffer.from(bytes)));
  const changed = peer((it) => it.record(APPLICATION_DATA, Buffer.from('changed')));
  changed[7]! ^= 1;
  const replayed = peer((it) => it.record(APPLICATION_DATA, NOTHING));
  const cases: readonly [string, Uint8Array, alert: number, RegExp][] = [
    ['changed', changed, 20, /changed on its way/],
    ['replayed', Buffer.concat([replayed, replayed]), 20, /changed on its way/],
    ['plain alert', Buffer.of(21, 3, 3, 0, 2, 2, 0), 10, /type 21 that is not encrypted/],
    ['plain text', Buffer.from('GET / HTTP/1.1'), 10, /type 71/],
    ['too long', Buffer.of(23, 3, 3, 0x41, 0x01), 22, /16641 bytes/],
    ['too short', Buffer.of(23, 3, 3, 0, 16), 50, /16 bytes/],
    ['long content', peer((it) => it.record(23, Buffer.alloc(16_385))), 22, /16385 bytes/],
    ['no type', peer((it) => it.encrypted(Buffer.alloc(9))), 10, /without a type/],
    ['unknown type', peer((it) => it.record(99, NOTHING)), 10, /type 99/],
    ['change cipher spec', peer((it) => it.record(20, Buffer.of(1))), 10, /type 20/],
    ['long alert', peer((it) => it.record(ALERT, Buffer.of(1, 0, 0))), 50, /malformed alert/],
    ['empty handshake', handshake(), 10, /empty handshake/],
    ['hello', handshake(1, 0, 0, 0), 10, /handshake message of type 1/],
    ['ticket of a client', handshake(NEW_SESSION_TICKET, 0, 0, 9), 10, /message of type 4/],
    ['long update', handshake(KEY_UPDATE, 0, 0, 2), 50, /key update of 2 bytes/],
    ['wrong update', handshake(KEY_UPDATE, 0, 0, 1, 2), 47, /key update of 2$/],
    ['update amid', handshake(KEY_UPDATE, 0, 0, 1, 0, 24), 10, /does not end its record/],
  ];
  for (const [name, bytes, alert, reason] of cases) {
    const { below, gone, data } = setUp();
    below.receive(bytes);
    t.match(gone, [{ code: 'VFU_PEER_CLOSED', message: reason }], name);
    const said = opened(below.take()).alerts;
    t.match(said, [{ message: new RegExp(`TLS alert ${alert}$`) }], name);
    below.receive(new Peer().record(APPLICATION_DATA, Buffer.from('more')));
    t.equal(data().length, 0, name);
    t.equal(gone.length, 1, name);
  }
});

t.test('alerts of a peer end a connection, and say why', { skip }, async (t) => {
  for (const [description, reason] of [
    [116, /the server wants a certificate/],
    [48, /does not know who signed our certificate/],
    [80, /TLS alert 80/],
  ] as const) {
    const { below, gone, ends } = setUp({ isServer: false });
    below.receive(new Peer().record(ALERT, Buffer.of(2, description)));
    t.match(gone, [{ code: 'VFU_PEER_CLOSED', message: reason }]);
    t.equal(ends(), 0);
  }
  const { below, gone, ends, data } = setUp();
  const peer = new Peer();
  below.receive(peer.record(ALERT, Buffer.of(1, 90)));
  below.receive(peer.record(APPLICATION_DATA, Buffer.from('last')));
  below.receive(Buffer.concat([peer.record(ALERT, Buffer.of(1, 0)), Buffer.from('garbage')]));
  t.equal(String(data()), 'last');
  t.equal(ends(), 1);
  t.strictSame(gone, []);
});

t.test('tickets are let pass, also in pieces', { skip }, async (t) => {
  const { below, gone, data } = setUp({ isServer: false });
  const peer = new Peer();
  const ticket = Buffer.concat([Buffer.of(NEW_SESSION_TICKET, 0, 0x80, 0), Buffer.alloc(0x8000)]);
  const two = Buffer.concat([ticket, ticket]);
  for (let at = 0; at < two.length; at += 10_000) {
    below.receive(peer.record(HANDSHAKE, two.subarray(at, at + 10_000)));
  }
  below.receive(peer.record(APPLICATION_DATA, Buffer.from('data')));
  t.equal(String(data()), 'data');
  t.strictSame(gone, []);
  below.receive(peer.record(HANDSHAKE, Buffer.of(NEW_SESSION_TICKET, 0xff, 0, 0)));
  t.match(gone, [{ message: /ticket of 16711680 bytes/ }]);
});

t.test('a peer may change its key, and ask for another one of ours', { skip }, async (t) => {
  const { port, below, gone, data } = setUp();
  const peer = new Peer();
  for (const request of [0, 1, 1]) {
    below.receive(peer.updateKey(request));
    below.receive(peer.record(APPLICATION_DATA, Buffer.from('with the next')));
    t.equal(String(data()), 'with the next');
  }
  t.equal(below.take().length, 0, 'nothing is sent before there is data');
  port.send(Buffer.from('head'), Buffer.from('data'), [], false);
  const sent = below.take();
  t.equal(sent.length, 27 + 30, 'one key update for both requests');
  t.equal(String(opened(sent).data), 'headdata');
  t.strictSame(gone, []);
});

t.test('no key encrypts more records than is safe', { skip }, async (t) => {
  const { port, below } = setUp({ recordsPerKey: 4 });
  const sent: Buffer[] = [];
  for (const size of [0, 1, 4096, 4097, 100_000, 5, 200_000]) {
    const data = randomBytes(size);
    sent.push(Buffer.from('head'), data);
    port.send(Buffer.from('head'), data, [], false);
  }
  const there = opened(below.take());
  t.equal(Buffer.compare(there.data, Buffer.concat(sent)), 0);
  t.strictSame(there.alerts, []);
});

t.test('messages of one turn share a record', { skip }, async (t) => {
  const { port, below } = setUp();
  for (let i = 0; i < 10; i++) port.send(Buffer.from('head'), Buffer.from('data'), [], true);
  t.equal(below.sent.length, 0);
  port.push();
  t.equal(below.sent.length, 1);
  t.equal(String(opened(below.take()).data), 'headdata'.repeat(10));
});

t.test('our end is announced once everything is sent', { skip }, async (t) => {
  const { port, below } = setUp();
  below.isFull = true;
  port.end();
  t.equal(below.ended, 0);
  below.queuedBytes = 0;
  below.events!.onSent(1);
  below.events!.onSent(0);
  t.equal(below.ended, 1);
  t.equal(opened(below.take()).ends, 1);
});

t.test(
  'what a peer does not take yet is not encrypted, and memory does not grow',
  { skip },
  async (t) => {
    const { port, below } = setUp();
    const data = randomBytes(2 ** 20);
    below.isFull = true;
    for (let i = 0; i < 32; i++) port.send(Buffer.from('head'), data, [], true);
    const ahead = below.sent.reduce((sum, { length }) => sum + length, 0);
    t.ok(ahead < 2 ** 19, `${ahead} bytes are encrypted`);
    t.ok(port.queuedBytes > 32 * 2 ** 20, 'all of them count');
    while (port.queuedBytes > 0) {
      below.queuedBytes = 0;
      below.events!.onSent();
    }
    const all = Buffer.concat(Array.from({ length: 32 }, () => [Buffer.from('head'), data]).flat());
    t.equal(Buffer.compare(opened(below.take()).data, all), 0);
    t.equal(below.memory.size, 1);
  },
);

t.test('once it is destroyed, nothing is received or encrypted', { skip }, async (t) => {
  const { port, below, data, gone } = setUp();
  void port.destroy(undefined);
  below.receive(new Peer().record(APPLICATION_DATA, Buffer.from('late')));
  t.equal(data().length, 0);
  t.strictSame(gone, []);
  t.throws(() => port.send(Buffer.from('late'), NOTHING, [], false), /closed/);
  void port.destroy(undefined);
});
