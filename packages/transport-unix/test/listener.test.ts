import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { TransportRegistry } from '@vfio-user/core';
import {
  bind,
  createMemoryFile,
  type FileDescriptor,
  listen,
  socketPair,
  streamSocket,
  unixSocketAddress,
} from '@vfio-user/posix-ffi';
import t from 'tap';
import { unixTransport } from '../src/index.js';
import {
  abstractUri,
  framing,
  message,
  openDescriptors,
  Recorder,
  socketPath,
  turn,
} from './support.js';

const transport = unixTransport();
const accept = () => new Recorder();
const context = { framing };

/** The number behind a descriptor that is given away to the transport. */
function giveAway(descriptor: FileDescriptor): URL {
  return new URL(`fd:${descriptor.number}`);
}

t.test('both schemes are registered, and no options', async (t) => {
  const registry = new TransportRegistry([transport]);
  t.strictSame(registry.schemes, ['fd', 'unix']);
  t.throws(() => registry.resolve('unix:///run/x?mode=1'), { code: 'VFU_CONFIG_INVALID' });
});

t.test('the socket file is for its owner, and gone after close()', async (t) => {
  const before = openDescriptors();
  const { path, uri } = socketPath(t);
  const listener = await transport.listen(uri, accept, context);
  t.equal(listener.uri, uri.href);
  t.equal(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o660);
  await listener.close();
  await listener.close();
  t.notOk(existsSync(path));
  t.equal(openDescriptors(), before);
});

t.test('the socket file has the mode and the group that were asked for', async (t) => {
  const { path, uri } = socketPath(t);
  const own = process.getegid?.() ?? 0;
  for (const umask of [0, 0o022, 0o077]) {
    const before = process.umask(umask);
    t.teardown(() => process.umask(before));
    for (const [options, mode] of [
      [{ socketMode: 0o666 }, 0o666],
      [{ socketMode: 0o660, socketGroup: own }, 0o660],
      [{ socketMode: 0o620, socketGroup: String(own) }, 0o620],
      [{}, 0o600],
    ] as const) {
      const listener = await unixTransport(options).listen(uri, accept, context);
      t.equal(statSync(path).mode & 0o777, mode, `umask ${umask.toString(8)}`);
      t.equal(statSync(path).gid, own);
      await listener.close();
    }
  }
});

t.test('a group that is none, or not ours, is refused and nothing is left behind', async (t) => {
  const { path, uri } = socketPath(t);
  const listenFor = (socketGroup: string | number) =>
    unixTransport({ socketMode: 0o660, socketGroup }).listen(uri, accept, context);
  for (const group of ['no-such-group', 0xffff_ffff]) {
    await t.rejects(listenFor(group), { code: 'VFU_CONFIG_INVALID', message: /no group.*getent/ });
  }
  const abstract = unixTransport({ socketMode: 0o660 }).listen(abstractUri(), accept, context);
  await t.rejects(abstract, { code: 'VFU_CONFIG_INVALID', message: /use a path/ });
  t.notOk(existsSync(path));
});

t.test(
  'another user gets in by the group, and at no moment without it',
  { skip: process.getuid?.() !== 0 && 'needs root to be two users' },
  async (t) => {
    const { path, uri } = socketPath(t);
    chmodSync(dirname(path), 0o755);
    const group = 65_533;
    // Tries all the time, as nobody, and says what it meets, each thing once.
    const script = `
      process.setgroups([Number(process.argv[1])]);
      process.setgid(65534);
      process.setuid(65534);
      const met = new Set();
      const meet = (what) => {
        if (!met.has(what)) console.log(what);
        met.add(what);
        setImmediate(attempt);
      };
      function attempt() {
        const socket = require('node:net').connect(${JSON.stringify(path)});
        socket.on('error', ({ code }) => meet(code));
        socket.on('connect', () => { socket.destroy(); meet('in'); });
      }
      attempt();`;
    const transport = unixTransport({ socketMode: 0o660, socketGroup: group });
    for (const [ofStranger, outcome] of [
      [group + 1, 'EACCES'],
      [group, 'in'],
    ] as const) {
      const stranger = spawn(process.execPath, ['-e', script, String(ofStranger)]);
      t.teardown(() => stranger.kill('SIGKILL'));
      const met: string[] = [];
      const lines = createInterface(stranger.stdout).on('line', (line) => met.push(line));
      for (let round = 0; round < 100 || !met.includes(outcome); round++) {
        const listener = await transport.listen(uri, accept, context);
        if (round === 0) t.equal(statSync(path).gid, group);
        await turn();
        await listener.close();
      }
      stranger.kill('SIGKILL');
      await Promise.all([once(stranger, 'close'), once(lines, 'close')]);
      t.equal(met.includes('in'), outcome === 'in');
    }
  },
);

t.test('somebody else’s file at the path is left alone', async (t) => {
  const { path, uri } = socketPath(t);
  const first = await transport.listen(uri, accept, context);
  renameSync(path, `${path}.old`);
  const second = await transport.listen(uri, accept, context);
  await first.close();
  t.ok(existsSync(path), 'the second listener’s socket survives the first’s close()');
  await second.close();
  t.notOk(existsSync(path));
});

t.test('a stale socket is replaced, a live one and other files are not', async (t) => {
  const { path, uri } = socketPath(t);
  const dead = streamSocket();
  bind(dead, unixSocketAddress(path));
  listen(dead, 1);
  dead.close();
  t.ok(existsSync(path));
  const listener = await transport.listen(uri, accept, context);
  await t.rejects(transport.listen(uri, accept, context), {
    code: 'VFU_SYSTEM_ERROR',
    message: /EADDRINUSE: another process listens there already/,
  });
  const connection = await transport.connect(uri, () => new Recorder(), context);
  await connection.close();
  await listener.close();

  writeFileSync(path, 'precious');
  await t.rejects(transport.listen(uri, accept, context), {
    message: /no socket/,
    advice: /^Remove it/,
  });
  t.equal(statSync(path).size, 8);

  const abstract = abstractUri();
  const first = await transport.listen(abstract, accept, context);
  await t.rejects(transport.listen(abstract, accept, context), /EADDRINUSE/);
  await first.close();
});

t.test('a path that cannot be bound says why', async (t) => {
  const before = openDescriptors();
  await t.rejects(transport.listen(new URL('unix:///no/such/folder/s'), accept, context), {
    code: 'VFU_SYSTEM_ERROR',
    message: /its folder does not exist/,
    advice: /^Create the folder/,
  });
  await t.rejects(transport.listen(new URL('unix://run/s'), accept, context), /three slashes/);
  t.equal(openDescriptors(), before);
});

t.test('connecting to nobody says what to do', async (t) => {
  const before = openDescriptors();
  const { path, uri } = socketPath(t);
  const connect = () => transport.connect(uri, () => new Recorder(), context);
  await t.rejects(connect(), { code: 'VFU_SYSTEM_ERROR', advice: /^Start the server first/ });
  const dead = streamSocket();
  bind(dead, unixSocketAddress(path));
  dead.close();
  await t.rejects(connect(), { cause: { code: 'ECONNREFUSED' }, message: /nobody listens/ });
  t.equal(openDescriptors(), before);
});

t.test('a full backlog is waited for, until a signal or the time is up', async (t) => {
  const before = openDescriptors();
  const { path, uri } = socketPath(t);
  const busy = streamSocket();
  bind(busy, unixSocketAddress(path));
  listen(busy, 0);
  const waiting = await transport.connect(uri, () => new Recorder(), context);

  const controller = new AbortController();
  const aborted = transport.connect(uri, () => new Recorder(), {
    framing,
    signal: controller.signal,
  });
  controller.abort(new Error('changed my mind'));
  await t.rejects(aborted, { message: 'changed my mind' });
  await t.rejects(
    unixTransport({ connectTimeoutMs: 15 }).connect(uri, () => new Recorder(), context),
    {
      code: 'VFU_TIMEOUT',
      message: /accepted no connection within 15 ms/,
    },
  );
  await t.rejects(
    transport.connect(uri, () => new Recorder(), {
      framing,
      signal: AbortSignal.abort(new Error('no')),
    }),
    { message: 'no' },
  );

  const patient = transport.connect(uri, () => new Recorder(), context);
  busy.close();
  await t.rejects(patient, { message: /nobody listens/ });
  await waiting.close();
  t.equal(openDescriptors(), before);
});

t.test('an accept callback that throws costs its connection only', async (t) => {
  const uri = abstractUri();
  const server = new Recorder();
  let calls = 0;
  const listener = await transport.listen(
    uri,
    () => {
      calls += 1;
      if (calls === 1) throw new Error('not today');
      return server;
    },
    context,
  );
  const refused = new Recorder();
  await transport.connect(uri, () => refused, context);
  t.equal(await refused.closed(), undefined);
  const second = await transport.connect(uri, () => new Recorder(), context);
  second.send(message(5));
  await server.until(() => server.messages.length === 1);
  await second.close();
  await listener.close();
});

t.test('without free descriptors the listener waits and then goes on', async (t) => {
  const uri = abstractUri();
  const errors: string[] = [];
  const record = (_: object, text: string) => void errors.push(text);
  const logger = { debug() {}, info() {}, warn: record, error: record, child: () => logger };
  const server = new Recorder();
  const listener = await transport.listen(uri, () => server, { framing, logger });
  const client = new Recorder();
  const connection = await transport.connect(uri, () => client, context);
  connection.send(message(7));

  const limit = (soft: number) =>
    spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`]).status;
  t.equal(limit(openDescriptors() + 60), 0);
  const taken: FileDescriptor[] = [];
  const file = createMemoryFile('filler', 4096);
  t.throws(() => {
    for (;;) taken.push(file.duplicate());
  });
  while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  t.match(errors[0], /cannot accept/);
  for (const each of [file, ...taken]) each.close();
  t.equal(limit(1024), 0);
  await server.until(() => server.messages.length === 1);
  t.equal(errors.length, 1, 'it did not try over and over');
  await connection.close();
  await listener.close();
});

t.test('fd: a listening socket is accepted from', async (t) => {
  const name = abstractUri();
  const socket = streamSocket();
  bind(socket, unixSocketAddress(name.pathname));
  listen(socket, 5);
  await t.rejects(
    transport.connect(giveAway(socket.duplicate()), () => new Recorder(), context),
    {
      code: 'VFU_CONFIG_INVALID',
      message: /listening socket/,
    },
  );
  const server = new Recorder();
  const uri = giveAway(socket);
  const listener = await transport.listen(uri, () => server, context);
  t.equal(listener.uri, uri.href);
  const client = await transport.connect(name, () => new Recorder(), context);
  client.send(message(9));
  await server.until(() => server.messages.length === 1);
  await client.close();
  await listener.close();
});

t.test('fd: a connected socket is one connection, for either side', async (t) => {
  const [a, b] = socketPair();
  const server = new Recorder();
  const listener = await transport.listen(giveAway(a), () => server, context);
  const client = await transport.connect(giveAway(b), () => new Recorder(), context);
  client.send(message(9));
  await server.until(() => server.messages.length === 1);
  await listener.close();
  client.send(message(9));
  await server.until(() => server.messages.length === 2);
  await client.close();
  t.equal(await server.closed(), undefined);
});

t.test('fd: anything else is refused and left open', async (t) => {
  const file = createMemoryFile('no socket', 4096);
  await t.rejects(transport.listen(giveAway(file), accept, context), /no AF_UNIX stream socket/);
  t.equal(statSync(`/proc/self/fd/${file.number}`).size, 4096);
  const uri = giveAway(file);
  file.close();
  await t.rejects(transport.listen(uri, accept, context), /is not open/);
});

t.test('options that make no sense are refused', async (t) => {
  t.throws(() => unixTransport({ maxSpinUs: -1 }), { code: 'VFU_CONFIG_INVALID' });
  t.throws(() => unixTransport({ backlog: Number.NaN }), { code: 'VFU_CONFIG_INVALID' });
  t.throws(() => unixTransport({ lowWaterBytes: 2, highWaterBytes: 1 }), /lowWaterBytes/);
});
