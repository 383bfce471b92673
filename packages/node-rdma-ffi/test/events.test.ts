import t from 'tap';
import { describeEvent } from '../src/events.js';
import { NativeStruct } from '../src/native/native-struct.js';

const QUEUE_PAIR_POINTER = 2 ** 46 + 16;
const queuePairs = new Map([[QUEUE_PAIR_POINTER, 17]]);

function event(type: number, element: number): NativeStruct {
  const native = new NativeStruct(16);
  native.setWord(0, element);
  native.setUint32(8, type);
  return native;
}

t.test('events say what they are about', async (t) => {
  t.same(describeEvent(event(8, 0), queuePairs), { type: 'device fatal' });
  t.same(describeEvent(event(10, 2), queuePairs), { type: 'port error', port: 2 });
  t.same(describeEvent(event(1, QUEUE_PAIR_POINTER), queuePairs), {
    type: 'queue pair fatal',
    queuePair: 17,
  });
  t.same(describeEvent(event(4, 99), queuePairs), { type: 'communication established' });
  t.same(describeEvent(event(0, 99), queuePairs), { type: 'completion queue error' });
  t.same(describeEvent(event(200, 99), queuePairs), { type: 'unknown' });
});
