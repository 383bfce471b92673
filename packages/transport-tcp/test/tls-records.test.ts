import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Authority, noOpenssl } from '@vfio-user/support';
import t, { type Test } from 'tap';
import { CIPHER_SUITES } from '../src/tls/traffic-secret.js';
import { GREETING, join, listen, message } from './support.js';

const skip = noOpenssl();
const SIZES = [4, 5, 4000, 5000, 16_383, 16_384, 16_385, 70_000, 3_000_000];

function messages(): Uint8Array[] {
  return SIZES.map((size) => {
    const bytes = message(size);
    for (let i = 4; i < size; i++) bytes[i] = i % 251;
    return bytes;
  });
}

/** What `stream` sends, up to `length` bytes. */
async function received(stream: Socket, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let left = length; left > 0; ) {
    if (stream.readableLength === 0) await once(stream, 'readable');
    const piece: Buffer | null = stream.read(Math.min(left, stream.readableLength));
    if (piece === null) continue;
    pieces.push(piece);
    left -= piece.length;
  }
  return Buffer.concat(pieces);
}

/** Passes a stream on in pieces of a size, both ways. Returns its port. */
async function inPieces(t: Test, port: number, size: number): Promise<number> {
  const pass = (from: Socket, to: Socket): void => {
    from.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += size) to.write(bytes.subarray(at, at + size));
    });
    from.on('close', () => to.destroy());
    from.on('error', () => {});
  };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    pass(near, far);
    pass(far, near);
  });
  t.teardown(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

void t.test('records of TLS', { skip }, async (t) => {
  const authority = new Authority(t.testdir(), 'authority');
  const files = authority.issue('both');
  const [ca, cert, key] = [authority.cert, files.cert, files.key].map((file) => readFileSync(file));
  const own = { ca: ca!, cert: cert!, key: key! };
  const query = `?ca=${authority.cert}&cert=${files.cert}&key=${files.key}`;

  for (const suite of CIPHER_SUITES.split(':')) {
    await t.test(`a client of another implementation: ${suite}`, async (t) => {
      const host = await listen(t, `tls://127.0.0.1:0${query}`);
      const options = { port: Number(host.uri.port), host: '127.0.0.1', ciphers: suite };
      const client = connectTls({ ...options, ...own });
      t.teardown(() => client.destroy());
      const sent = messages();
      client.write(Buffer.concat([GREETING, ...sent]));
      t.strictSame(await received(client, GREETING.length), GREETING);
      t.equal(client.getCipher().standardName, suite);
      const connection = await host.accepted(0);
      const sink = host.sinks[0]!;
      await sink.until(() => sink.frames.length === sent.length);
      for (const [i, bytes] of sent.entries()) t.equal(Buffer.compare(sink.frames[i]!, bytes), 0);
      for (const bytes of sent) connection.send(bytes.subarray(0, 4), bytes.subarray(4));
      const all = Buffer.concat(sent);
      t.equal(Buffer.compare(await received(client, all.length), all), 0);
      client.end();
      t.equal(await sink.closed(), undefined);
    });

    await t.test(`a server of another implementation: ${suite}`, async (t) => {
      const secured: TLSSocket[] = [];
      const server = createTlsServer({ ...own, ciphers: suite, requestCert: true }, (socket) => {
        secured.push(socket);
        socket.pipe(socket);
      });
      t.teardown(() => server.close());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const { connection, sink } = await join(t, `tls://127.0.0.1:${port}${query}`);
      t.equal(secured[0]?.getCipher().standardName, suite);
      const sent = messages();
      for (const bytes of sent) connection.send(bytes.subarray(0, 4), bytes.subarray(4));
      await sink.until(() => sink.frames.length === sent.length);
      for (const [i, bytes] of sent.entries()) t.equal(Buffer.compare(sink.frames[i]!, bytes), 0);
      await connection.close();
      t.equal(await sink.closed(), undefined);
    });
  }

  for (const size of [1, 7, 4096]) {
    await t.test(`a handshake and records that come in pieces of ${size}`, async (t) => {
      const host = await listen(t, `tls://127.0.0.1:0${query}`);
      const port = await inPieces(t, Number(host.uri.port), size);
      const { connection, sink } = await join(t, `tls://127.0.0.1:${port}${query}`);
      const there = await host.accepted(0);
      const sent = messages().slice(0, 4);
      for (const bytes of sent) connection.send(bytes);
      for (const bytes of sent) there.send(bytes);
      await host.sinks[0]!.until(() => host.sinks[0]!.frames.length === sent.length);
      await sink.until(() => sink.frames.length === sent.length);
      t.strictSame(host.sinks[0]!.frames, sent);
      t.strictSame(sink.frames, sent);
    });
  }

  await t.test('what is sent right behind a handshake is not lost', async (t) => {
    // The greeting of a server and its tickets arrive together with the end of its handshake, or not.
    const server = createTlsServer(own, (socket) => {
      socket.write(Buffer.concat([GREETING, message(10_000, 3)]));
      socket.on('error', () => {});
    });
    t.teardown(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    for (let i = 0; i < 10; i++) {
      const { connection, sink } = await join(t, `tls://127.0.0.1:${port}${query}`);
      await sink.until(() => sink.frames.length === 1);
      t.strictSame(sink.frames, [message(10_000, 3)]);
      connection.abort(new Error('enough'));
    }
  });

  await t.test('a connection that is closed ends in order on both sides', async (t) => {
    const host = await listen(t, `tls://127.0.0.1:0${query}`);
    const { connection, sink } = await join(t, `tls://127.0.0.1:${host.uri.port}${query}`);
    await host.accepted(0);
    const sent = message(100_000, 7);
    connection.send(sent);
    await connection.close();
    t.equal(await sink.closed(), undefined);
    t.equal(await host.sinks[0]!.closed(), undefined);
    t.strictSame(host.sinks[0]!.frames, [sent], 'what came before is delivered');
  });
});
