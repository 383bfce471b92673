import { connectDevice, Irq, Region, serve, TransportRegistry } from '@vfio-user/core';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';
import { faultyTransport, type TransportFaults, transportCompliance } from '../src/index.js';

const KEPT_VIEWS = 'an ArrayBuffer cannot be taken from one of two owners in the same process';

function run(name: string, faults: TransportFaults, exclusions: Record<string, string> = {}): void {
  const memory = memoryTransport();
  let addresses = 0;
  transportCompliance(t, {
    name,
    transport: faultyTransport(memory, faults),
    address: () => `memory:test-${addresses++}`,
    unusedAddress: () => 'memory:nobody',
    expected: {
      fdPassing: true,
      sharedMemory: true,
      oneSidedMemory: false,
      orderedNotifications: faults.delayTurns === undefined,
      maxFrameBytes: 2 ** 24,
      maxDescriptors: 16,
    },
    exclusions: { 'a view is harmless after its mapping': KEPT_VIEWS, ...exclusions },
    openHandles: () => memory.openHandles,
  });
}

run('frames that arrive late', { delayTurns: 3 });
run('connections that end twice', { endTwice: true });
run(
  'a queue that is always full',
  { alwaysFull: true },
  {
    'a peer that does not read stops the sender, until it reads again': 'there is never room',
  },
);

for (const kind of ['abortAfterFrames', 'closeAfterFrames'] as const) {
  t.test(`a session survives that a client ends by ${kind}, after any frame`, async (t) => {
    const memory = memoryTransport();
    const registry = new TransportRegistry([memory]);
    const options = { memory: 2 ** 18, vectors: 4 };
    const server = await serve({ definition: bench, options, registry, listen: 'memory:device' });
    for (let frames = 1; frames <= 60; frames++) {
      const faulty = new TransportRegistry([faultyTransport(memory, { [kind]: frames })]);
      const outcome = await session(faulty).catch((error) => error.code);
      t.match(outcome, /^(done|VFU_PEER_CLOSED)$/, `${frames} frames`);
    }
    t.equal(await session(registry), 'done');
    t.equal(server.statistics().dmaMappings, 0);
    await server.close();
    t.equal(memory.openHandles, 0);
  });
}

/** All that a client does, once. */
async function session(registry: TransportRegistry): Promise<string> {
  const client = await connectDevice('memory:device', { registry });
  const memory = client.allocateMemory(65_536);
  try {
    const region = await client.mapRegion(Region.BAR2);
    region.close();
    await client.enableInterrupts(Irq.MSIX, 4, () => {});
    await client.dmaMap({ address: 0x1000, memory });
    await client.dmaMap({ address: 0x10_0000, memory, share: false });
    const chunk = new Uint8Array(4);
    for (const [offset, value] of [
      [register.DMA_DESTINATION, 0x10_0000],
      [register.DMA_LENGTH, 65_536],
      [register.DMA_CHUNK, 4096],
      [register.DMA_COMMAND, register.DMA_FILL_GUEST],
    ] as const) {
      new DataView(chunk.buffer).setUint32(0, value, true);
      await client.regionWrite(Region.BAR0, offset, chunk.slice());
    }
    await client.dmaUnmap(0x1000, 65_536);
    await client.reset();
    await client.dmaUnmap(0x10_0000, 65_536);
    return 'done';
  } finally {
    await client.close();
    memory.close();
  }
}
