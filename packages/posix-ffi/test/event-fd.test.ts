import { openSync } from 'node:fs';
import t from 'tap';
import { EFD_CLOEXEC } from '../src/constants.js';
import {
  createEventFd,
  EventFdReader,
  EventFdWriter,
  FileDescriptor,
  isEventFd,
  socketPair,
} from '../src/index.js';
import { libc } from '../src/libc.js';
import { NativeMemory } from '../src/native-memory.js';

function fill(descriptor: FileDescriptor): void {
  const value = new NativeMemory(8);
  value.view.setBigUint64(0, 0xffff_ffff_ffff_fffen, true);
  t.equal(libc().write(descriptor.number, value.address, 8), 8);
}

t.test('signals add up until they are read', async (t) => {
  const event = createEventFd();
  const writer = new EventFdWriter(event);
  const reader = new EventFdReader(event);
  t.equal(reader.read(), 0);
  for (let i = 0; i < 3; i++) writer.signal();
  t.equal(reader.read(), 3);
  t.equal(reader.read(), 0);
  event.close();
  t.throws(() => writer.signal(), /closed/);
});

t.test('signalling never waits, not even on a blocking eventfd that is full', async (t) => {
  for (const flags of [EFD_CLOEXEC, undefined]) {
    const event =
      flags === undefined
        ? createEventFd()
        : FileDescriptor.fromSyscall(libc().eventfd(0, flags), 'eventfd');
    const writer = new EventFdWriter(event);
    writer.signal();
    t.equal(new EventFdReader(event).read(), 1);
    fill(event);
    writer.signal();
    t.equal(new EventFdReader(event).read(), 2 ** 64);
    event.close();
  }
});

t.test('only eventfds are eventfds', async (t) => {
  const event = createEventFd();
  const file = FileDescriptor.adopt(openSync('/dev/null', 'r'));
  const [a, b] = socketPair();
  t.strictSame([event, file, a].map(isEventFd), [true, false, false]);
  for (const descriptor of [event, file, a, b]) descriptor.close();
});
