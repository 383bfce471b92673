import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { StreamPort } from '@vfio-user/core/transport';
import t, { type Test } from 'tap';
import { WebSocketServer } from 'ws';
import { FrameWriter } from '../src/websocket/frame-writer.js';
import { mask } from '../src/websocket/masking.js';
import { GREETING, type Host, join, listen, message, rawSocket, untilEnd } from './support.js';

const [TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG] = [1, 2, 0, 8, 9, 10];
const KEY = Uint8Array.of(1, 2, 3, 4);

interface Changes {
  readonly final?: boolean;
  readonly key?: Uint8Array | undefined;
  readonly reserved?: number;
}

/** A frame, put together by the letter of RFC 6455, section 5.2. */
function frame(opcode: number, payload: Uint8Array, changes: Changes = {}): Buffer {
  const { final = true, key, reserved = 0 } = changes;
  const { length } = payload;
  const head = [(final ? 0x80 : 0) | reserved | opcode];
  const masked = key === undefined ? 0 : 0x80;
  if (length < 126) head.push(masked | length);
  else if (length < 65_536) head.push(masked | 126, length >> 8, length & 0xff);
  else head.push(masked | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff);
  if (length >= 65_536) head.push((length >> 8) & 0xff, length & 0xff);
  const bytes = payload.map((byte, i) => byte ^ (key?.[i % 4] ?? 0));
  return Buffer.concat([Buffer.from(head), key ?? Buffer.of(), bytes]);
}

const masked = (opcode: number, payload: Uint8Array, changes: Changes = {}): Buffer =>
  frame(opcode, payload, { key: KEY, ...changes });

/** A client that writes its frames itself, after the handshake. */
async function handshaken(t: Test, { uri }: Host, behind: Uint8Array = Buffer.of()) {
  const socket = await rawSocket(t, uri);
  const key = randomBytes(16).toString('base64');
  const lines = [
    `GET ${uri.pathname} HTTP/1.1`,
    `Host: ${uri.host}`,
    'Connection: keep-alive, Upgrade',
    'Upgrade: WebSocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
  ];
  socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), behind]));
  const received = new Incoming(socket);
  const answer = String(await received.upTo('\r\n\r\n'));
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  t.match(answer, `Sec-WebSocket-Accept: ${accept.digest('base64')}\r\n`);
  return { socket, received };
}

/** What a socket receives, cut where a test likes. */
class Incoming {
  #bytes = Buffer.of();
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
  }

  async take(length: number): Promise<Buffer> {
    while (this.#bytes.length < length) await this.#more();
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  async upTo(end: string): Promise<Buffer> {
    while (!this.#bytes.includes(end)) await this.#more();
    return this.take(this.#bytes.indexOf(end) + end.length);
  }

  async #more(): Promise<void> {
    if (this.#socket.readableLength === 0) await once(this.#socket, 'readable');
    this.#bytes = Buffer.concat([this.#bytes, this.#socket.read() ?? Buffer.of()]);
  }
}

t.test(
  'frames of all lengths, byte by byte and all at once, right behind the request',
  async (t) => {
    const host = await listen(t, 'ws://127.0.0.1:0/device');
    const sizes = [4, 121, 125, 126, 127, 65_535, 65_536, 300_000];
    const sent = sizes.map((size, i) => message(size, i));
    const frames = [GREETING, ...sent].map((payload) => masked(BINARY, payload));
    await handshaken(t, host, Buffer.concat(frames));
    await host.accepted(0);
    await host.sinks[0]!.until(() => host.sinks[0]!.frames.length === sizes.length);
    t.strictSame(host.sinks[0]!.frames, sent);

    const slow = await handshaken(t, host);
    for (const byte of Buffer.concat(frames.slice(0, 6))) slow.socket.write(Uint8Array.of(byte));
    await host.accepted(1);
    await host.sinks[1]!.until(() => host.sinks[1]!.frames.length === 5);
    t.strictSame(host.sinks[1]!.frames, sent.slice(0, 5));
  },
);

t.test('a fragmented message, with a ping within, is a piece of the stream', async (t) => {
  const host = await listen(t, 'ws://127.0.0.1:0/device');
  const { socket, received } = await handshaken(t, host, masked(BINARY, GREETING));
  t.strictSame(await received.take(2 + GREETING.length), frame(BINARY, GREETING));
  const bytes = message(1000, 7);
  socket.write(masked(BINARY, bytes.subarray(0, 3), { final: false }));
  socket.write(masked(PING, Buffer.from('there?')));
  t.strictSame(await received.take(8), frame(PONG, Buffer.from('there?')));
  socket.write(masked(CONTINUATION, bytes.subarray(3, 500), { final: false }));
  socket.write(masked(CONTINUATION, Buffer.of(), { final: false }));
  socket.write(masked(PONG, Buffer.of()));
  socket.write(masked(CONTINUATION, bytes.subarray(500)));
  await host.accepted(0);
  await host.sinks[0]!.until(() => host.sinks[0]!.frames.length === 1);
  t.strictSame(host.sinks[0]!.frames, [bytes]);
});

t.test('a close is answered with its code, and the connection ends in order', async (t) => {
  const host = await listen(t, 'ws://127.0.0.1:0/device');
  for (const [i, payload] of [Buffer.of(), Buffer.from([0x03, 0xe9, 0x62])].entries()) {
    const { socket, received } = await handshaken(t, host, masked(BINARY, GREETING));
    await received.take(2 + GREETING.length);
    await host.accepted(i);
    socket.write(Buffer.concat([masked(BINARY, message(9)), masked(CLOSE, payload)]));
    t.equal(await host.sinks[i]!.closed(), undefined);
    t.equal(host.sinks[i]!.frames.length, 1, 'what came before it is delivered');
    const answer = frame(CLOSE, payload.subarray(0, 2));
    t.strictSame(await received.take(answer.length), answer);
    t.equal((await untilEnd(socket.resume())).length, 0);
  }
});

t.test('close() says so, and waits for the answer of the peer', async (t) => {
  const host = await listen(t, 'ws://127.0.0.1:0/device');
  const { socket, received } = await handshaken(t, host, masked(BINARY, GREETING));
  const connection = await host.accepted(0);
  await received.take(2 + GREETING.length);
  connection.send(message(8));
  const closed = connection.close();
  t.strictSame(await received.take(10), frame(BINARY, message(8)));
  t.strictSame(await received.take(4), frame(CLOSE, Buffer.from([0x03, 0xe8])));
  socket.write(masked(CLOSE, Buffer.from([0x03, 0xe8])));
  await closed;
  t.equal(await host.sinks[0]!.closed(), undefined);
});

t.test('an end without a close is no orderly one', async (t) => {
  const host = await listen(t, 'ws://127.0.0.1:0/device');
  const { socket } = await handshaken(t, host, masked(BINARY, GREETING));
  await host.accepted(0);
  socket.end(masked(BINARY, message(5)));
  t.match(await host.sinks[0]!.closed(), { code: 'VFU_PEER_CLOSED', message: /broke off/ });
  t.equal(host.sinks[0]!.frames.length, 1, 'what came before it is delivered');
});

t.test('a peer that breaks the rules is told why, and heard no longer', async (t) => {
  const host = await listen(t, 'ws://127.0.0.1:0/device', { maxFrameBytes: 1000 });
  const huge = Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ...KEY]);
  const cases: readonly [string, Uint8Array, code: number, RegExp][] = [
    ['no mask', frame(BINARY, message(4)), 1002, /not masked/],
    ['reserved bits', masked(BINARY, message(4), { reserved: 0x40 }), 1002, /reserved/],
    ['text', masked(TEXT, message(4)), 1003, /text/],
    ['opcode', masked(3, message(4)), 1002, /opcode 3/],
    ['control opcode', masked(11, message(4)), 1002, /opcode 11/],
    ['stray continuation', masked(CONTINUATION, message(4)), 1002, /opcode 0 outside/],
    ['fragmented ping', masked(PING, Buffer.of(), { final: false }), 1002, /control frame/],
    ['long ping', masked(PING, Buffer.alloc(126)), 1002, /control frame of 126/],
    ['half a code', masked(CLOSE, Buffer.of(3)), 1002, /control frame of 1 /],
    ['a code never sent', masked(CLOSE, Buffer.of(0x03, 0xed)), 1002, /the code 1005/],
    ['no code', masked(CLOSE, Buffer.of(0, 0)), 1002, /the code 0/],
    ['too long', masked(BINARY, message(1001)), 1009, /1001 bytes exceeded the limit of 1000/],
    ['far too long', huge, 1009, /exceeded/],
  ];
  const parts = Buffer.concat([
    masked(BINARY, Buffer.alloc(600), { final: false }),
    masked(CONTINUATION, Buffer.alloc(401)),
  ]);
  const all = [...cases, ['too long in all', parts, 1009, /exceeded/] as const];
  for (const [i, [name, bytes, code, reason]] of all.entries()) {
    const { socket, received } = await handshaken(t, host, masked(BINARY, GREETING));
    await received.take(2 + GREETING.length);
    await host.accepted(i);
    socket.write(bytes);
    t.match(await host.sinks[i]!.closed(), { code: 'VFU_PEER_CLOSED', message: reason }, name);
    const said = frame(CLOSE, Buffer.from([code >> 8, code & 0xff]));
    t.strictSame(await received.take(4), said, name);
  }
});

t.test('what follows a request that was answered is not served', async (t) => {
  const { uri, connections } = await listen(t, 'ws://127.0.0.1:0/device');
  const key = randomBytes(16).toString('base64');
  const upgrade = `GET /device HTTP/1.1\r\nHost: ${uri.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
  for (const [host, status] of [
    [uri.host, 426],
    ['evil.example', 403],
  ] as const) {
    const socket = await rawSocket(t, uri);
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n${upgrade}`);
    let answer = '';
    for await (const bytes of socket) {
      answer += String(bytes);
      if (answer.includes('HTTP/1.1 101')) break;
    }
    t.match(answer, `HTTP/1.1 ${status}`);
    t.notMatch(answer, 'HTTP/1.1 101');
  }
  t.equal(connections.length, 0);
});

t.test('what is asked for is a WebSocket of this version', async (t) => {
  const { uri, warnings } = await listen(t, 'ws://127.0.0.1:0/device');
  const good = {
    HTTP: '1.1',
    Upgrade: 'websocket',
    Version: '13',
    Key: randomBytes(16).toString('base64'),
  };
  for (const [changes, reason] of [
    [{ HTTP: '1.0' }, /HTTP\/1\.0/],
    [{ Upgrade: 'h2c' }, /an upgrade to h2c/],
    [{ Version: '8' }, /version 8/],
    [{ Key: 'short' }, /no key/],
  ] as const) {
    const { HTTP, Upgrade, Version, Key } = { ...good, ...changes };
    const socket = await rawSocket(t, uri);
    socket.write(
      `GET /device HTTP/${HTTP}\r\nHost: ${uri.host}\r\nConnection: Upgrade\r\nUpgrade: ${Upgrade}\r\nSec-WebSocket-Version: ${Version}\r\nSec-WebSocket-Key: ${Key}\r\n\r\n`,
    );
    t.match(String(await untilEnd(socket)), /^HTTP\/1.1 400 [\s\S]*Sec-WebSocket-Version: 13\r\n/);
    t.match(await warnings.next(), reason);
  }
});

t.test(
  'another implementation understands what a client sends, and the other way round',
  async (t) => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    t.teardown(() => server.close());
    server.on('connection', (socket) => socket.on('message', (bytes) => socket.send(bytes)));
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { connection, sink } = await join(t, `ws://127.0.0.1:${port}/`);
    const sent = [4, 5, 4000, 5000, 70_000, 3_000_000].map((size) => {
      const bytes = message(size);
      for (let i = 4; i < size; i++) bytes[i] = i % 251;
      return bytes;
    });
    for (const bytes of sent) connection.send(bytes.subarray(0, 5), bytes.subarray(5));
    await sink.until(() => sink.frames.length === sent.length);
    for (const [i, bytes] of sent.entries()) t.equal(Buffer.compare(sink.frames[i]!, bytes), 0);
    await connection.close();
    t.equal(await sink.closed(), undefined);
  },
);

t.test('masks are new ones for each message, and undo themselves', async (t) => {
  const bytes = randomBytes(1001);
  for (let at = 0; at < 9; at++) {
    const there = new Uint8Array(bytes.length + at);
    mask(bytes, there, at, KEY, at);
    t.equal(there[at]! ^ bytes[0]!, KEY[at % 4]);
    t.equal(there.at(-1)! ^ bytes.at(-1)!, KEY[(at + 1000) % 4]);
    const back = new Uint8Array(bytes.length);
    mask(there.subarray(at), back, 0, KEY, at);
    t.strictSame(Buffer.from(back), bytes);
  }
  const keys = new Set<string>();
  const port = fakePort((head) => keys.add(Buffer.from(head.subarray(2, 6)).toString('hex')));
  const writer = new FrameWriter(port, true);
  for (let i = 0; i < 3000; i++) writer.write(message(4), Buffer.of(), true);
  t.ok(keys.size > 2990, `${keys.size} different ones`);
});

function fakePort(onSend: (head: Uint8Array, data: Uint8Array) => void): StreamPort {
  const port = {
    gathers: true,
    queuedBytes: 0,
    send: onSend,
    push() {},
  };
  return port as unknown as StreamPort;
}

t.test(
  'what a peer does not take yet is not masked, and memory for masks does not grow',
  async (t) => {
    const data = randomBytes(2 ** 20);
    const memory = new Set<ArrayBufferLike>();
    let queued = 0;
    let sent = 0;
    const port = fakePort((head, bytes) => {
      if (bytes.length > 0) memory.add(bytes.buffer);
      queued += head.length + bytes.length;
      sent += head.length + bytes.length;
    });
    Object.defineProperty(port, 'queuedBytes', { get: () => queued });
    const writer = new FrameWriter(port, true);
    for (let i = 0; i < 32; i++) writer.write(message(64), data, true);
    t.ok(sent < 2 ** 19, `${sent} bytes are masked`);
    t.ok(writer.queuedBytes > 32 * 2 ** 20, 'all of them count');
    while (writer.queuedBytes > 0) {
      queued = 0;
      writer.resume();
    }
    t.ok(sent > 32 * 2 ** 20);
    t.equal(memory.size, 1);
  },
);
