import { spawnSync } from 'node:child_process';
import { fstatSync } from 'node:fs';
import t from 'tap';
import {
  addressOf,
  createMemoryFile,
  FileDescriptor,
  identifyFile,
  MessageSocket,
  NativeMemory,
  SCM_MAX_FD,
  socketPair,
  WOULD_BLOCK,
} from '../src/index.js';
import { openDescriptors } from './open-descriptors.js';

function pair(): { a: MessageSocket; b: MessageSocket; close(): void; sockets: FileDescriptor[] } {
  const sockets = socketPair();
  return {
    a: new MessageSocket(sockets[0]),
    b: new MessageSocket(sockets[1]),
    sockets,
    close: () => {
      for (const socket of sockets) socket.close();
    },
  };
}

t.test('head and data arrive as one message, without copies on the way out', async (t) => {
  const { a, b, close } = pair();
  const head = new NativeMemory(4);
  head.bytes.set([1, 2, 3, 4]);
  const data = new Uint8Array(10_000).fill(7);
  t.equal(a.send(head.address, 4, addressOf(data), data.length), 10_004);

  const target = new NativeMemory(20_000);
  t.equal(b.receive(target.address, 20_000), 10_004);
  t.strictSame([...target.bytes.subarray(0, 6)], [1, 2, 3, 4, 7, 7]);
  t.equal(b.receive(target.address, 20_000), WOULD_BLOCK);
  t.strictSame(b.takeDescriptors(), []);
  close();
});

t.test('descriptors come along, close-on-exec, and are taken once', async (t) => {
  const before = openDescriptors();
  const { a, b, close } = pair();
  const files = [createMemoryFile('one', 4096), createMemoryFile('two', 8192)];
  const memory = new NativeMemory(16);
  t.equal(a.send(memory.address, 1, 0, 0, files), 1);
  t.notOk(files[0]?.closed, 'sending leaves them with the caller');

  t.equal(b.receive(memory.address, 16), 1);
  const received = b.takeDescriptors();
  t.strictSame(
    received.map((file) => Number(identifyFile(file).size)),
    [4096, 8192],
  );
  t.strictSame(b.takeDescriptors(), []);
  const inherited = spawnSync('ls', [`/proc/self/fd/${received[0]?.number}`]);
  t.not(inherited.status, 0, 'a child process does not get it');

  for (const file of [...files, ...received]) file.close();
  close();
  t.equal(openDescriptors(), before);
});

t.test(
  'the largest number of descriptors the kernel takes fits, one more is refused',
  async (t) => {
    const before = openDescriptors();
    const { a, b, close } = pair();
    const file = createMemoryFile('many', 4096);
    const memory = new NativeMemory(1);
    const many = Array.from({ length: SCM_MAX_FD }, () => file);
    t.equal(a.send(memory.address, 1, 0, 0, many), 1);
    t.equal(b.receive(memory.address, 1), 1);
    const received = b.takeDescriptors();
    t.equal(received.length, SCM_MAX_FD);
    t.throws(() => a.send(memory.address, 1, 0, 0, [...many, file]), RangeError);
    for (const each of [...received, file]) each.close();
    close();
    t.equal(openDescriptors(), before);
  },
);

t.test('descriptors that got lost are an error, and the rest of them are closed', async (t) => {
  const { a, b, close } = pair();
  const file = createMemoryFile('lost', 4096);
  const memory = new NativeMemory(1);
  a.send(memory.address, 1, 0, 0, [file, file, file, file]);

  const free: FileDescriptor[] = [];
  const limit = (soft: number) =>
    spawnSync('prlimit', ['--pid', String(process.pid), `--nofile=${soft}:`]).status;
  t.equal(limit(openDescriptors() + 100), 0);
  try {
    for (;;) free.push(file.duplicate());
  } catch (error) {
    t.match(error, { code: 'EMFILE' });
  }
  free.pop()?.close();
  free.pop()?.close();
  t.throws(() => b.receive(memory.address, 1), { code: 'EMFILE', syscall: 'recvmsg' });
  t.strictSame(b.takeDescriptors(), []);
  free.push(file.duplicate(), file.duplicate());
  for (const descriptor of free) descriptor.close();
  t.equal(limit(1024), 0);
  file.close();
  close();
});

t.test('a full socket buffer and a vanished peer are told apart', async (t) => {
  const { a, sockets, close } = pair();
  const block = new NativeMemory(1 << 20);
  let sent = 0;
  for (;;) {
    const count = a.send(block.address, block.bytes.length, 0, 0);
    if (count === WOULD_BLOCK) break;
    sent += count;
  }
  t.ok(sent > 0 && sent < block.bytes.length, 'a partial send');
  sockets[1]?.close();
  t.throws(() => a.send(block.address, 1, 0, 0), {
    name: 'SystemError',
    code: 'EPIPE',
    errno: 32,
    syscall: 'sendmsg',
  });
  close();
});

t.test('the end of the stream reads as 0 bytes', async (t) => {
  const { b, sockets, close } = pair();
  sockets[0]?.close();
  const memory = new NativeMemory(8);
  t.equal(b.receive(memory.address, 8), 0);
  close();
});

t.test('a descriptor is closed once and unusable afterwards', async (t) => {
  const file = createMemoryFile('gone', 4096);
  const { number } = file;
  t.equal(JSON.stringify(file), '{}', 'the number does not leak into logs');
  const second = file.duplicate();
  file.close();
  t.ok(file.closed);
  t.throws(() => file.number, /closed/);
  t.throws(() => file.duplicate(), /closed/);
  t.throws(() => fstatSync(number), { code: 'EBADF' });

  // The number may belong to another file by now, which a second close must not hit.
  const other = createMemoryFile('other', 4096);
  t.equal(other.number, number);
  file.close();
  t.equal(identifyFile(other).size, 4096n);
  second.close();
  other.close();
  t.throws(() => FileDescriptor.adopt(number), { code: 'EBADF' });
});
