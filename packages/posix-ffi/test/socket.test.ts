import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import {
  accept,
  bind,
  connect,
  FileDescriptor,
  isListening,
  isUnixStream,
  listen,
  MessageSocket,
  NativeMemory,
  Poller,
  peerCredentials,
  SHUT_WR,
  shutdown,
  socketError,
  socketPair,
  streamSocket,
  UNIX_PATH_BYTES,
  unavailableReason,
  unixSocketAddress,
} from '../src/index.js';
import { openDescriptors } from './open-descriptors.js';
import { runScript } from './run-script.js';

t.test('the C library is found here', async (t) => t.equal(unavailableReason(), undefined));

t.test('elsewhere a sentence says what is missing', async (t) => {
  const { stdout } = runScript(`
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    console.log((await load()).unavailableReason());
  `);
  t.match(stdout, /needs 64-bit little-endian Linux, this is darwin/);
});

for (const kind of ['path', 'abstract']) {
  t.test(`a listener on a ${kind} address accepts`, async (t) => {
    const before = openDescriptors();
    // Not t.testdir(), whose paths are longer than a socket's may be.
    const folder = mkdtempSync(join(tmpdir(), 'posix-ffi-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const name = kind === 'path' ? join(folder, 's') : `@posix-ffi-test-${process.pid}`;
    const address = unixSocketAddress(name);
    const listener = streamSocket();
    const client = streamSocket();
    t.throws(() => connect(client, address, name), {
      code: kind === 'path' ? 'ENOENT' : 'ECONNREFUSED',
      syscall: 'connect',
      message: new RegExp(name),
    });

    bind(listener, address);
    t.notOk(isListening(listener));
    listen(listener, 5);
    t.ok(isListening(listener));
    t.equal(accept(listener), undefined, 'nobody waits yet');

    connect(client, address);
    const accepted = accept(listener);
    if (accepted === undefined) return t.fail('nobody accepted');
    t.notOk(isListening(accepted));
    t.ok(isUnixStream(accepted));
    t.strictSame(peerCredentials(accepted), {
      pid: process.pid,
      uid: process.geteuid?.(),
      gid: process.getegid?.(),
    });
    t.equal(socketError(accepted), 0);

    shutdown(client, SHUT_WR);
    const memory = new NativeMemory(1);
    t.equal(new MessageSocket(accepted).receive(memory.address, 1), 0);
    for (const socket of [listener, client, accepted]) socket.close();
    t.equal(openDescriptors(), before);
  });
}

t.test('paths that do not fit are refused', async (t) => {
  t.equal(unixSocketAddress(`/${'x'.repeat(UNIX_PATH_BYTES - 1)}`).length, 110);
  t.throws(() => unixSocketAddress(`/${'x'.repeat(UNIX_PATH_BYTES)}`), /107 bytes.*108/);
  t.throws(() => unixSocketAddress(`/${'é'.repeat(60)}`), /121/, 'bytes count, not characters');
  for (const bad of ['', '@', '/a\0b']) t.throws(() => unixSocketAddress(bad), RangeError, bad);
});

t.test('files and other sockets are no UNIX streams', async (t) => {
  const file = FileDescriptor.adopt(openSync('/dev/null', 'r'));
  const internet = streamSocket(2);
  t.notOk(isUnixStream(file));
  t.notOk(isUnixStream(internet));
  file.close();
  internet.close();
});

t.test('a poller reports readable, writable, and nothing after its end', async (t) => {
  const [a, b] = socketPair();
  const seen: string[] = [];
  let next: () => void = () => {};
  const poller = new Poller(a, (readable, writable) => {
    seen.push(`${readable ? 'r' : ''}${writable ? 'w' : ''}`);
    poller.watch(false, false);
    next();
  });
  const event = (readable: boolean, writable: boolean) =>
    new Promise<void>((resolve) => {
      next = resolve;
      poller.watch(readable, writable);
    });

  await event(false, true);
  const one = new NativeMemory(1);
  const waiting = event(true, false);
  new MessageSocket(b).send(one.address, 1, 0, 0);
  await waiting;
  await event(true, true);
  t.strictSame(seen, ['w', 'r', 'rw']);

  poller.watch(true, true);
  poller.close();
  poller.close();
  // koffi's own handle crashes the process on these after its end.
  poller.watch(true, false);
  poller.ref();
  poller.unref();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(seen.length, 3);
  a.close();
  b.close();
});

t.test('an unreferenced poller lets the process end, a referenced one does not', async (t) => {
  const { status, stdout } = runScript(`
    const { createEventFd, Poller } = await load();
    const poller = new Poller(createEventFd(), () => {});
    poller.unref();
    poller.watch(true, false);
    process.once('beforeExit', () => {
      console.log('would have ended');
      poller.ref();
      setTimeout(() => process.exit(7), 50).unref();
    });
  `);
  t.equal(stdout.trim(), 'would have ended');
  t.equal(status, 7);
});
