import t from 'tap';
import { type DeviceEvent, DeviceEvents, describeEvent } from '../src/device-events.js';
import type { DeviceContext } from '../src/native/device-context.js';
import { NativeStruct } from '../src/native/native-struct.js';
import { platform } from '../src/native/platform.js';

const QUEUE_PAIR_POINTER = 2 ** 46 + 16;
const queuePairs = new Map([[QUEUE_PAIR_POINTER, 17]]);

function event(type: number, element: number): NativeStruct {
  const native = new NativeStruct(16);
  native.setWord(0, element);
  native.setUint32(8, type);
  return native;
}

t.test('events say what they are about', async (t) => {
  t.same(describeEvent(event(8, 0), queuePairs), { code: 'DEVICE_FATAL' });
  t.same(describeEvent(event(10, 2), queuePairs), { code: 'PORT_ERR', port: 2 });
  t.same(describeEvent(event(1, QUEUE_PAIR_POINTER), queuePairs), {
    code: 'QP_FATAL',
    queuePair: 17,
  });
  t.same(describeEvent(event(4, 99), queuePairs), { code: 'COMM_EST' });
  t.same(describeEvent(event(0, 99), queuePairs), { code: 'CQ_ERR' });
  t.same(describeEvent(event(200, 99), queuePairs), { code: 'UNKNOWN' });
});

t.test('a listener hears of each event until it is taken away', async (t) => {
  const libc = platform().koffi.load(null);
  const asyncFd = libc.func('int eventfd(uint, int)')(1, 0o4000) as number; // readable at once
  t.teardown(() => libc.func('int close(int)')(asyncFd));
  const pending = [8, 19];
  let acknowledged = 0;
  const library = {
    errno: Int32Array.of(11),
    setNonBlocking: () => {},
    getAsyncEvent: (_context: number, address: number) => {
      const type = pending.shift();
      if (type === undefined) return -1;
      libc.func('void *memcpy(uintptr_t, uintptr_t, size_t)')(address, event(type, 0).address, 16);
      return 0;
    },
    ackAsyncEvent: () => {
      acknowledged += 1;
    },
  };
  const context = { name: 'fake0', pointer: 1, asyncFd, library, queuePairs };
  // Only what a source of events uses.
  const source = new DeviceEvents(context as unknown as DeviceContext);
  t.teardown(() => source.close());
  const codes: string[] = [];
  const listener = ({ code }: DeviceEvent): void => void codes.push(code);
  const once = source.add(() => once());
  const unsubscribe = source.add(listener);
  const again = source.add(listener);
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 1000); // waiting for events does not keep the process alive
    source.add(({ code }) => {
      if (code !== 'WQ_FATAL') return;
      clearInterval(alive);
      resolve();
    });
  });
  t.same(codes, ['DEVICE_FATAL', 'DEVICE_FATAL', 'WQ_FATAL', 'WQ_FATAL']);
  t.equal(acknowledged, 2);

  unsubscribe();
  unsubscribe();
  source.report({ code: 'DEVICE_REMOVED' });
  t.same(codes.slice(4), ['DEVICE_REMOVED'], 'the same function given twice is two listeners');
  again();
  source.report({ code: 'DEVICE_REMOVED' });
  t.equal(codes.length, 5);
});
