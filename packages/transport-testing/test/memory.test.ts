import { TransportRegistry } from '@vfio-user/core';
import { nullSink } from '@vfio-user/core/transport';
import { type MemoryTransportOptions, memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';
import { TestFraming } from '../src/compliance/test-frames.js';
import { transportCompliance } from '../src/index.js';

const KEPT_VIEWS = 'an ArrayBuffer cannot be taken from one of two owners in the same process';

function run(name: string, options: MemoryTransportOptions = {}, query = ''): void {
  const { sharedMemory = true, orderedNotifications = true } = options;
  const fdPassing = query === '' && options.fdPassing !== false;
  const transport = memoryTransport(options);
  let addresses = 0;
  transportCompliance(t, {
    name,
    transport,
    address: () => `memory:test-${addresses++}${query}`,
    unusedAddress: () => `memory:nobody${query}`,
    expected: {
      fdPassing,
      sharedMemory: fdPassing && sharedMemory,
      oneSidedMemory: false,
      orderedNotifications,
      maxFrameBytes: 2 ** 24,
      maxDescriptors: fdPassing ? 16 : 0,
    },
    exclusions: { 'a view is harmless after its mapping': KEPT_VIEWS },
    openHandles: () => transport.openHandles,
  });
}

run('memory');
run('memory with notifications that overtake', { orderedNotifications: false });
run('memory without shared memory', { sharedMemory: false });
run('memory without descriptors', { fdPassing: false });
run('memory in the portable encoding', {}, '?encoding=portable');

t.test('a message with a descriptor of another transport leaves none open', async (t) => {
  const transport = memoryTransport();
  const { uri } = new TransportRegistry([transport]).resolve('memory:mixed');
  const context = { framing: new TestFraming(4096) };
  const listener = await transport.listen(uri, () => nullSink, context);
  const connection = await transport.connect(uri, () => nullSink, context);
  const memory = transport.createMemory?.('mixed', 4096);
  const before = transport.openHandles;
  const own = memory?.descriptor();
  t.ok(own, 'can be passed');
  let closed = 0;
  const foreign = { close: () => void closed++ };
  const send = (): boolean => connection.send(new Uint8Array(8), undefined, [own!, foreign]);
  t.throws(send, { code: 'VFU_SYSTEM_ERROR', message: /not one of memory:/ });
  t.equal(transport.openHandles, before);
  t.equal(closed, 1);
  await listener.close();
  connection.abort(new Error('test over'));
});
