import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer as createHttpsServer, get } from 'node:https';
import { createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostPortOf, parseUri } from '@vfio-user/core/transport';
import { Authority, type Certificate, noOpenssl } from '@vfio-user/support';
import t from 'tap';
import { join, listen, message, rawSocket, untilEnd } from './support.js';

const skip = noOpenssl();
const folder = t.testdir();

void t.test('tls', { skip }, async (t) => {
  const authority = new Authority(folder, 'authority');
  const stranger = new Authority(folder, 'stranger');
  const server = authority.issue('server');
  const client = authority.issue('client');

  const serverUri = (
    { cert, key }: Certificate = server,
    ca: string | undefined = authority.cert,
  ): string => `tls://127.0.0.1:0?cert=${cert}&key=${key}${ca === '' ? '' : `&ca=${ca}`}`;
  const clientUri = (
    uri: { readonly port: string | number },
    own: Certificate | undefined = client,
    more = '',
  ): string => {
    const cert = own.cert === '' ? '' : `&cert=${own.cert}&key=${own.key}`;
    return `tls://127.0.0.1:${uri.port}?ca=${authority.cert}${cert}${more}`;
  };
  const none: Certificate = { cert: '', key: '' };

  await t.test('both sides prove who they are, and frames pass', async (t) => {
    const { uri, accepted, sinks, warnings } = await listen(t, serverUri());
    const { connection } = await join(t, clientUri(uri));
    connection.send(message(10));
    connection.send(message(4), message(500_000).subarray(4));
    await accepted(0);
    await sinks[0]!.until(() => sinks[0]!.frames.length === 2);
    t.strictSame(warnings.texts, []);
  });

  await t.test('the zone of an address is no part of what a certificate is for', async (t) => {
    const uri = serverUri().replace('127.0.0.1', '[::1%25lo]');
    const { listener } = await listen(t, uri);
    const { port } = hostPortOf(parseUri(listener.uri));
    await join(t, clientUri({ port: port ?? 0 }).replace('127.0.0.1', '[::1%25lo]'));
  });

  await t.test('a server that asks no client who it is says so', async (t) => {
    const { uri, warnings } = await listen(t, serverUri(server, ''));
    t.match(await warnings.next(), /whoever reaches this port may use the device. Add ca=/);
    await join(t, clientUri(uri, none));
  });

  await t.test('what is wrong with a server is told', async (t) => {
    const servers: Readonly<Record<string, readonly [Certificate, RegExp, string?]>> = {
      'self-signed': [stranger, /self-signed/],
      'by another authority': [stranger.issue('foreign'), /authority that ca= does not name/],
      expired: [authority.issue('expired', { days: -1 }), /expired/],
      'for another name': [authority.issue('other', { names: 'DNS:other' }), /another name/],
      'not for the given servername': [server, /another name/, '&servername=other'],
    };
    for (const [which, [certificate, why, more]] of Object.entries(servers)) {
      const { uri, warnings } = await listen(t, serverUri(certificate));
      await t.rejects(
        join(t, clientUri(uri, client, more)),
        { code: 'VFU_SYSTEM_ERROR', message: why },
        which,
      );
      t.match(await warnings.next(), /refused a connection/, which);
    }
    const { uri } = await listen(t, serverUri(authority.issue('named', { names: 'DNS:named' })));
    await join(t, clientUri(uri, client, '&servername=named'));
  });

  await t.test('what is wrong with a client is told to both', async (t) => {
    const { uri, warnings, connections } = await listen(t, serverUri());
    await t.rejects(join(t, clientUri(uri, none)), /wants a certificate|before its greeting/);
    t.match(await warnings.next(), /the client has no certificate/);
    await t.rejects(join(t, clientUri(uri, stranger.issue('intruder'))), /its log says why/);
    t.match(await warnings.next(), /authority that ca= does not name/);
    await t.rejects(join(t, clientUri(uri, authority.issue('old', { days: -1 }))), /its log says/);
    t.match(await warnings.next(), /expired/);
    t.equal(connections.length, 0);
  });

  await t.test('TLS on a plain port and plain on a TLS port are told apart', async (t) => {
    const plain = await listen(t, 'tcp://127.0.0.1:0');
    await t.rejects(join(t, clientUri(plain.uri)), /does not speak TLS|does it speak TLS there/);
    t.match(await plain.warnings.next(), /no hello/);

    const secure = await listen(t, serverUri());
    await t.rejects(join(t, `tcp://127.0.0.1:${secure.uri.port}`));
    t.match(await secure.warnings.next(), /does not speak TLS/);
    const socket = await rawSocket(t, secure.uri);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await untilEnd(socket);
    t.match(await secure.warnings.next(), /plain HTTP request to a TLS port/);
  });

  await t.test('versions before 1.3 are refused', async (t) => {
    const { uri, warnings } = await listen(t, serverUri());
    const old = connectTls({
      port: Number(uri.port),
      host: '127.0.0.1',
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    });
    const [error] = await once(old, 'error');
    t.match(error, { code: /PROTOCOL_VERSION/ });
    t.match(await warnings.next(), /older than TLS 1\.3/);
  });

  await t.test('a handshake that never goes on has only so much time', async (t) => {
    const { uri, warnings } = await listen(t, serverUri(), { handshakeTimeoutMs: 30 });
    await untilEnd(await rawSocket(t, uri));
    t.match(await warnings.next(), /within 30 ms/);

    const silent = createServer((socket) => t.teardown(() => socket.destroy()));
    silent.listen(0, '127.0.0.1');
    t.teardown(() => silent.close());
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const join30 = join(t, `tls://127.0.0.1:${port}?ca=${authority.cert}`, {
      connectTimeoutMs: 30,
    });
    await t.rejects(join30, { code: 'VFU_TIMEOUT' });
  });

  await t.test('files that cannot be used are named', async (t) => {
    writeFileSync(`${folder}/empty.pem`, '');
    copyFileSync(client.key, `${folder}/wrong.key`);
    for (const [query, why] of [
      ['', /a server needs a certificate/],
      [`cert=${server.cert}`, /a server needs a certificate/],
      [`cert=${folder}/nowhere.pem&key=${server.key}`, /cert=.*nowhere\.pem: ENOENT/],
      [`cert=${folder}/empty.pem&key=${server.key}`, /empty\.pem.*cannot be used/],
      [`cert=${server.cert}&key=${folder}/wrong.key`, /wrong\.key cannot be used.*mismatch/],
    ] as const) {
      const listening = listen(t, `tls://127.0.0.1:0?${query}`);
      await t.rejects(listening, { code: 'VFU_CONFIG_INVALID', message: why }, query);
    }
    await t.rejects(join(t, `tls://127.0.0.1:1?cert=${client.cert}`), /give both cert= and key=/);
  });

  await t.test(
    'messages are masked at random also inside TLS, which may end at a proxy',
    async (t) => {
      const https = createHttpsServer({
        cert: readFileSync(server.cert),
        key: readFileSync(server.key),
      });
      t.teardown(() => https.close());
      const masks: string[] = [];
      const enough = new Promise<void>((resolve) => {
        https.on('upgrade', ({ headers }, socket) => {
          t.teardown(() => socket.destroy());
          const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
          const accept = createHash('sha1').update(key).digest('base64');
          socket.write(
            `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
          );
          let bytes = Buffer.alloc(0);
          socket.on('data', (piece: Buffer) => {
            bytes = Buffer.concat([bytes, piece]);
            // Two bytes of header, four of mask, eight of message.
            for (; bytes.length >= 14; bytes = bytes.subarray(14)) {
              t.equal(bytes.readUInt16BE(), 0x8288);
              masks.push(bytes.toString('hex', 2, 6));
            }
            if (masks.length >= 8) resolve();
          });
        });
      });
      https.listen(0, '127.0.0.1');
      await once(https, 'listening');
      const { port } = https.address() as { port: number };
      const uri = `wss://127.0.0.1:${port}/?ca=${authority.cert}`;
      const { connection } = await join(t, uri, { greets: false });
      for (let i = 0; i < 8; i++) {
        connection.send(message(8));
        // One WebSocket message each.
        await new Promise(setImmediate);
      }
      await enough;
      t.notOk(masks.includes('00000000'));
      t.equal(new Set(masks).size, masks.length, 'a new one for each message');
    },
  );

  await t.test('what its certificate is for is a name of a server', async (t) => {
    const { cert, key } = authority.issue('known', { names: 'DNS:known.example,IP:192.0.2.9' });
    const { uri, warnings } = await listen(t, `wss://127.0.0.1:0/?cert=${cert}&key=${key}`);
    await warnings.next();
    const ask = async (host: string) => {
      const asked = get({
        port: uri.port,
        host: '127.0.0.1',
        headers: { host },
        rejectUnauthorized: false,
      });
      const [response] = await once(asked, 'response');
      return (response as IncomingMessage).resume().statusCode;
    };
    t.equal(await ask('known.example:443'), 426);
    t.equal(await ask('192.0.2.9'), 426);
    t.equal(await ask('unknown.example'), 403);
    t.equal(await ask('192.0.2.8'), 403);
  });

  await t.test('a TLS port may be opened to the network', async (t) => {
    const { cert, key } = server;
    const uri = `tls://0.0.0.0:0?cert=${cert}&key=${key}&ca=${authority.cert}`;
    await t.resolves(listen(t, uri));
  });
});
