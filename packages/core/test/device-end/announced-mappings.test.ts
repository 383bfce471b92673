import t from 'tap';
import { AnnouncedMappings } from '../../src/device-end/announced-mappings.js';
import { DmaSpace } from '../../src/memory/dma-space.js';
import type { AccessRights, ExposedMemory } from '../../src/transport/one-sided.js';
import type { Connection } from '../../src/transport/transport.js';
import { ATTACHMENT, addMapping, mappingOf, TestGuestMemory } from '../memory/fakes.js';

/** A connection that notes what is exposed, and what of it is taken back. */
function fakeConnection() {
  const open: AccessRights[] = [];
  const expose = (memory: TestGuestMemory, rights: AccessRights): ExposedMemory => {
    open.push(rights);
    const ranges = [{ offset: 0, length: memory.length, address: 0x7000, key: open.length }];
    return {
      ranges,
      close: () => {
        if (memory.closed) throw new Error('the memory went first');
        open.splice(open.indexOf(rights), 1);
      },
    };
  };
  const connection = { oneSided: { expose } } as unknown as Connection;
  return { open, connection };
}

t.test('a mapping is exposed with its rights until it goes away', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const mappings = new AnnouncedMappings(dma);
  const { open, connection } = fakeConnection();
  const mapping = addMapping(dma, mappingOf(0x10000, 1, new TestGuestMemory(4096), 'r'));
  t.match(mappings.expose(connection, mapping), [{ length: 4096, key: 1 }]);
  t.strictSame(open, [{ readable: true, writable: false }]);
  void dma.remove(mapping);
  t.strictSame(open, [], 'out of reach before the memory was given back');
});

t.test('told anew to another device, the first one has lost it', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const mappings = new AnnouncedMappings(dma);
  const { open, connection } = fakeConnection();
  const mapping = addMapping(dma, mappingOf(0x10000, 1, new TestGuestMemory(4096)));
  mappings.expose(connection, mapping);
  const other = fakeConnection();
  t.match(mappings.expose(other.connection, mapping), [{ length: 4096, key: 1 }]);
  t.equal(open.length, 0);
  t.equal(other.open.length, 1);
  void dma.remove(mapping);
  t.equal(other.open.length, 0);
});

t.test('told again to the same device, it goes on with what it was told', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const mappings = new AnnouncedMappings(dma);
  const { open, connection } = fakeConnection();
  const mapping = addMapping(dma, mappingOf(0x10000, 1, new TestGuestMemory(4096)));
  const ranges = mappings.expose(connection, mapping);
  t.equal(mappings.expose(connection, mapping), ranges);
  t.equal(open.length, 1);
});

t.test('nothing is exposed where that is not possible', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const mappings = new AnnouncedMappings(dma);
  const { open, connection } = fakeConnection();
  t.equal(mappings.expose({} as Connection, mappingOf(0, 1, new TestGuestMemory(4096))), undefined);
  t.equal(mappings.expose(connection, mappingOf(0, 1)), undefined, 'memory that is not here');
  t.strictSame(open, []);
});
