import t from 'tap';
import { RegionIoFdsHandler } from '../../src/host-end/region-io-fds.js';
import type { PciFunction } from '../../src/pci/function.js';
import type { SharedResources } from '../../src/transport/resources.js';
import { FakeDescriptor, PeerFixture } from '../session/fakes.js';

t.test('where descriptors run out, none is left over, and a later request gets all', async (t) => {
  const { connection, peer } = new PeerFixture();
  const made: FakeDescriptor[] = [];
  let limit = 2;
  connection.resources = {
    createEvent: () => ({
      descriptor: () => {
        if (made.length === limit) throw new Error('too many open files');
        const descriptor = new FakeDescriptor();
        made.push(descriptor);
        return descriptor;
      },
      close() {},
    }),
  } as unknown as SharedResources;
  const ioEvents = [0, 4, 8].map((offset) => ({ offset, size: 4, onSignal() {} }));
  const pci = { region: () => ({ ioEvents }) } as unknown as PciFunction;
  const handler = new RegionIoFdsHandler(pci, peer, 4096);
  const request = { argsz: 4096, flags: 0, index: 0, count: 0 };
  t.throws(() => handler.handle(request, 8), { message: 'too many open files' });
  t.strictSame(
    made.map(({ closed }) => closed),
    [true, true],
  );
  limit = 5;
  const { descriptors } = handler.handle(request, 8);
  t.strictSame(descriptors, made.slice(2));
  t.notOk(made.slice(2).some(({ closed }) => closed));
});
