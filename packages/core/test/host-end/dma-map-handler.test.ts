import t from 'tap';
import { ENOTCONN } from '../../src/errno.js';
import { VfioUserError } from '../../src/errors.js';
import { DmaMapHandler } from '../../src/host-end/dma-map-handler.js';
import { defaultLimits } from '../../src/host-end/limits.js';
import { DmaSpace } from '../../src/memory/dma-space.js';
import { DMA_MAP_READ, DMA_MAP_WRITE } from '../../src/protocol/constants.js';
import { ATTACHMENT } from '../memory/fakes.js';
import { PeerFixture } from '../session/fakes.js';

const PAGE = 4096;

function open(quiesce?: () => Promise<void> | undefined) {
  const fixture = new PeerFixture();
  const space = new DmaSpace(ATTACHMENT);
  const memory = new DmaMapHandler({
    peer: fixture.peer,
    space,
    limits: defaultLimits,
    ...(quiesce && { quiesce }),
  });
  memory.connect({ maxDmaMaps: 2, clientMaxDataXferSize: PAGE });
  return { fixture, space, memory };
}

function wanted(address: number, size = PAGE) {
  return { argsz: 32, flags: DMA_MAP_READ, offset: 0n, address, size };
}

t.test('a mapping that is there already is no new one, and counts once', async (t) => {
  const { memory, space } = open();
  const first = await memory.map(wanted(0), []);
  t.ok(first.isNew);
  t.strictSame(await memory.map(wanted(0), []), { mapping: first.mapping, isNew: false });
  t.ok((await memory.map(wanted(PAGE), [])).isNew);
  t.strictSame(await memory.map(wanted(0), []), { mapping: first.mapping, isNew: false });
  t.throws(() => memory.map(wanted(2 * PAGE), []), { message: /2 mappings exist already/ });
  t.equal(space.mappingCount, 2);
});

t.test('a client that leaves while the device quiesces takes its request with it', async (t) => {
  let quiesced = (): void => {};
  const { memory, space, fixture } = open(() => new Promise((resolve) => (quiesced = resolve)));
  const mapped = memory.map(wanted(0), []);
  fixture.end();
  quiesced();
  await t.rejects(Promise.resolve(mapped), { code: 'VFU_REQUEST_REFUSED', errno: ENOTCONN });
  t.equal(space.mappingCount, 0);
});

t.test('the memory of a client that has left fails at once', async (t) => {
  const { fixture, memory, space } = open();
  await memory.map({ ...wanted(0), flags: DMA_MAP_WRITE }, []);
  fixture.connection.hasRoom = false;
  const writes = [0, 1].map((at) => space.write(at, new Uint8Array(1)));
  memory.end(new VfioUserError('VFU_PEER_CLOSED', 'the client is gone'));
  await t.rejects(writes[1]!, { code: 'VFU_PEER_CLOSED' });
  fixture.end();
  await t.rejects(writes[0]!, { code: 'VFU_PEER_CLOSED' });
});
