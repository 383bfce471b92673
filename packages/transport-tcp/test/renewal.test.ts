import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { type Logger, silentLogger } from '@vfio-user/core';
import { parseUri } from '@vfio-user/core/transport';
import { Authority, type Certificate, noOpenssl } from '@vfio-user/support';
import t from 'tap';
import { tcpTransport } from '../src/index.js';
import { framing, GREETING, HelloHandshake, listen, Recorder, Warnings } from './support.js';

const skip = noOpenssl();
const folder = t.testdir();

const serialOf = ({ cert }: Certificate): string =>
  new X509Certificate(readFileSync(cert)).serialNumber;

/** The serial number of the certificate that a server shows to a new client. */
async function shown({ port }: URL): Promise<string> {
  const socket = connectTls({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

function replaceByPipe(file: string): void {
  rmSync(file);
  execFileSync('mkfifo', [file]);
}

void t.test('certificates that are renewed in place', { skip }, async (t) => {
  const authority = new Authority(folder, 'authority');
  const server = authority.issue('server');

  await t.test('a server shows the new one to the next client', async (t) => {
    for (const scheme of ['tls', 'wss']) {
      for (const systemCalls of [true, false]) {
        const name = `${scheme}-${systemCalls}`;
        const { cert, key } = authority.issue(name);
        const first = serialOf({ cert, key });
        const address = `${scheme}://127.0.0.1:0?cert=${cert}&key=${key}`;
        const { uri } = await listen(t, address, { systemCalls });
        t.equal(await shown(uri), first);
        const second = serialOf(authority.issue(name));
        t.not(second, first);
        t.equal(await shown(uri), second, name);
      }
    }
  });

  await t.test('unusable new files leave the old ones in use, and are told once', async (t) => {
    const { cert, key } = authority.issue('damaged');
    const first = serialOf({ cert, key });
    const { uri, warnings } = await listen(t, `tls://127.0.0.1:0?cert=${cert}&key=${key}`);
    t.match(await warnings.next(), /not asked who they are/);
    const renewals: readonly [() => void, RegExp][] = [
      [() => writeFileSync(cert, 'no certificate'), /damaged\.pem.*cannot be used/],
      [() => rmSync(key), /key=.*damaged\.key: ENOENT/],
      [() => void authority.issue('damaged', { days: -1 }), /the certificate expired on/],
      [() => copyFileSync(server.key, key), /cannot be used: .*mismatch/],
      [() => replaceByPipe(cert), /cert=.*damaged\.pem is no regular file/],
    ];
    for (const [renew, why] of renewals) {
      renew();
      for (let i = 0; i < 2; i++) t.equal(await shown(uri), first);
      const changes = warnings.texts.filter((text) => /changed certificates/.test(text));
      t.match(changes, [why]);
      t.equal(changes.length, 1);
      warnings.texts.length = 0;
    }
    rmSync(cert);
    const last = serialOf(authority.issue('damaged'));
    t.equal(await shown(uri), last);
  });

  await t.test('a client that connects again shows the new one', async (t) => {
    const serials: string[] = [];
    const options = {
      cert: readFileSync(server.cert),
      key: readFileSync(server.key),
      ca: readFileSync(authority.cert),
      requestCert: true,
    };
    const far = createTlsServer(options, (socket) => {
      serials.push(socket.getPeerCertificate().serialNumber);
      socket.on('error', () => {}).write(GREETING);
      t.teardown(() => socket.destroy());
    });
    far.listen(0, '127.0.0.1');
    t.teardown(() => far.close());
    await once(far, 'listening');
    const { port } = far.address() as { port: number };
    const own = authority.issue('own');
    const files = `ca=${authority.cert}&cert=${own.cert}&key=${own.key}`;
    const transport = tcpTransport();
    const { logger, texts } = new Warnings();
    const connect = async () => {
      const connection = await transport.connect(
        parseUri(`tls://127.0.0.1:${port}?${files}`),
        () => new Recorder(),
        { framing, logger, handshake: () => new HelloHandshake() },
      );
      connection.abort(new Error('that is enough'));
    };
    await connect();
    const first = serialOf(own);
    const second = serialOf(authority.issue('own'));
    await connect();
    writeFileSync(own.cert, '');
    await connect();
    t.match(texts, [/changed certificates cannot be used/]);
    t.strictSame(serials, [first, second, second]);
  });

  await t.test('they are read again when somebody asks, who is told', async (t) => {
    const { cert, key } = authority.issue('asked');
    const transport = tcpTransport();
    const listener = await transport.listen(
      parseUri(`tls://127.0.0.1:0?cert=${cert}&key=${key}`),
      () => new Recorder(),
      { framing },
    );
    t.teardown(() => listener.close());
    const told: string[] = [];
    const tell = (fields: object, text?: string): void => {
      told.push(`${text} ${JSON.stringify(fields)}`);
    };
    const logger: Logger = { ...silentLogger, info: tell, warn: tell };
    await transport.reload?.(logger);
    authority.issue('asked');
    await transport.reload?.(logger);
    writeFileSync(key, 'no key');
    await transport.reload?.(logger);
    await transport.reload?.(logger);
    t.match(told, [
      /still the same/,
      /renewed certificates are used.*asked\.pem.*validTo/,
      /changed certificates cannot be used.*asked\.key/,
      /changed certificates cannot be used.*asked\.key/,
    ]);
  });
});
