import fc from 'fast-check';
import t from 'tap';
import { Command } from '../../src/protocol/enums.js';
import type { PrefaceHandshake } from '../../src/protocol/portable/preface-handshake.js';
import { commonExtensions, noExtensions, OWN_EXTENSIONS } from '../../src/session/extensions.js';
import {
  type EncodingNegotiation,
  encodingNegotiation,
} from '../../src/session/negotiated-encoding.js';
import { FrameAssembler } from '../../src/transport/frame-assembler.js';
import type { Handshake } from '../../src/transport/handshake.js';

const options = { maxDataXferSize: 65_536, silenceMs: 5000 } as const;
const client = encodingNegotiation('portable', { ...options, role: 'client' });
const server = encodingNegotiation('portable', { ...options, silenceMs: 7000, role: 'server' });
const limits = { maxFrameBytes: 2 ** 20, maxDescriptors: 0, initialBytes: 4096 };

function begin(factory: EncodingNegotiation): Handshake {
  const handshake = factory.handshake?.();
  if (handshake === undefined) throw new Error('the encoding has no handshake');
  return handshake;
}

function receive(assembler: FrameAssembler, bytes: Uint8Array): void {
  assembler.reserve();
  assembler.bytes.set(bytes, assembler.end);
  assembler.commit(bytes.length);
}

/** The greeting of the other side, whole. */
function greetedBy(own: Handshake, other: Handshake): Handshake {
  own.consume(other.greeting);
  return own;
}

t.test('native connections start at once and have no extensions', async (t) => {
  const factory = encodingNegotiation('native', { ...options, role: 'client' });
  t.equal(factory.handshake, undefined);
  const wire = factory.open(undefined);
  t.equal(wire.encoding.name, 'native');
  t.equal(wire.extensions, noExtensions);
  t.not(
    factory.open(undefined).encoding,
    wire.encoding,
    'each connection has its own scratch memory',
  );
});

t.test('portable connections agree on what both sides can do', async (t) => {
  const handshakes = [begin(client), begin(server)] as const;
  greetedBy(handshakes[0], handshakes[1]);
  greetedBy(handshakes[1], handshakes[0]);
  const ends = [client.open(handshakes[0]), server.open(handshakes[1])] as const;
  t.equal(ends[0].encoding.name, 'portable');
  t.match(ends[0].extensions, { interrupts: true, doorbells: true });
  t.match(ends[0].extensions, { ownSilenceMs: 5000, peerSilenceMs: 7000 });
  t.match(ends[1].extensions, { ownSilenceMs: 7000, peerSilenceMs: 5000 });
  const { windowMessages, windowBytes, ownWindowMessages, ownWindowBytes } = ends[0].extensions;
  t.ok(windowMessages > 0 && windowBytes > 0);
  t.same([ownWindowMessages, ownWindowBytes], [windowMessages, windowBytes]);
});

t.test('a client that comes back says which session it was in', async (t) => {
  const first = [begin(client), begin(server)] as const;
  greetedBy(first[0], first[1]);
  greetedBy(first[1], first[0]);
  const { peerSession } = client.open(first[0]);
  t.ok(
    peerSession?.some((byte) => byte !== 0),
    'the server has named it',
  );
  t.equal(server.open(first[1]).peerSession, undefined, 'a new client names none');
  const again = encodingNegotiation('portable', {
    ...options,
    role: 'client',
    lostSession: peerSession,
  });
  const second = begin(server);
  greetedBy(second, begin(again));
  t.same(server.open(second).peerSession, peerSession);
});

t.test('a server names each session, a client does not', async (t) => {
  const sessionOf = (factory: EncodingNegotiation): string => {
    const own = greetedBy(begin(client), begin(factory)) as PrefaceHandshake;
    return Buffer.from(own.peer?.session ?? []).toString('hex');
  };
  t.not(sessionOf(server), sessionOf(server));
  t.equal(sessionOf(client), '0'.repeat(32));
});

t.test('a greeting may be cut anywhere, and frames may follow it at once', async (t) => {
  const { greeting } = begin(server);
  const { encoding } = server.open(undefined);
  const { head } = encoding.encodeReply(Command.DEVICE_RESET, 5, undefined);
  const stream = Buffer.concat([greeting, head]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const handshake = begin(client);
    const assembler = new FrameAssembler(client.framing, limits);
    receive(assembler, stream.subarray(0, cut));
    const early = cut > 0 && assembler.consumeHandshake(handshake);
    t.equal(early, cut >= greeting.length, `cut after ${cut} bytes`);
    receive(assembler, stream.subarray(cut));
    if (!early) t.equal(assembler.consumeHandshake(handshake), true);
    const frame = assembler.next();
    if (frame === undefined) throw new Error(`no frame, cut after ${cut} bytes`);
    t.match(encoding.decode(frame), { kind: 'reply', command: Command.DEVICE_RESET, id: 5 });
    t.equal(assembler.pendingBytes, 0);
  }
});

t.test('a greeting byte by byte is complete with its last byte', async (t) => {
  const { greeting } = begin(server);
  const handshake = begin(client) as PrefaceHandshake;
  for (let length = 0; length < greeting.length; length++) {
    t.equal(handshake.consume(greeting.subarray(0, length)), undefined);
    t.equal(handshake.peer, undefined);
  }
  t.equal(handshake.consume(greeting), greeting.length);
});

t.test('whatever else a peer starts with is a protocol violation, or waited for', async (t) => {
  const { greeting } = begin(server);
  const spoiled = fc
    .tuple(fc.nat(greeting.length - 1), fc.nat(255), fc.nat(greeting.length))
    .map(([at, value, cut]) => {
      const bytes = greeting.slice();
      bytes[at] = value;
      return bytes.subarray(0, cut);
    });
  fc.assert(
    fc.property(fc.oneof(spoiled, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      const handshake = begin(client) as PrefaceHandshake;
      try {
        const length = handshake.consume(bytes);
        return length === undefined ? handshake.peer === undefined : length <= bytes.length;
      } catch (error) {
        return (error as { code?: string }).code === 'VFU_PROTOCOL_VIOLATION';
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

t.test('what only one side can do is left out', async (t) => {
  // A client's preface: that of a server whose sessions end with their connection names less.
  const own = greetedBy(begin(server), begin(client)) as PrefaceHandshake;
  const preface = own.peer!;
  const plain = { ...preface, capabilities: ['unheard-of'] };
  for (const extensions of [commonExtensions(plain, preface), commonExtensions(preface, plain)]) {
    t.same(extensions, noExtensions);
  }
  for (const name of OWN_EXTENSIONS) {
    t.notSame(
      commonExtensions(preface, { ...preface, capabilities: [name] }),
      noExtensions,
      `${name} alone`,
    );
  }
});

t.test(
  'a session that survives its connection is kept alive by it, from version 1.1 on',
  async (t) => {
    const own = greetedBy(begin(server), begin(client)) as PrefaceHandshake;
    const preface = own.peer!;
    const resume = { ...preface, capabilities: ['resume'] };
    t.match(commonExtensions(preface, resume), {
      resumes: true,
      ownSilenceMs: 5000,
      peerSilenceMs: 5000,
    });
    t.same(commonExtensions(preface, { ...resume, minor: 0 }), noExtensions);
  },
);
