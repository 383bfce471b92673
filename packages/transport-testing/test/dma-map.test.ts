import { connectDevice, errno, RemoteError, serve, TransportRegistry } from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';

const PAGE = 4096;
const LAST_PAGE = 2n ** 64n - BigInt(PAGE);

async function open() {
  const registry = new TransportRegistry([memoryTransport()]);
  const options = { memory: 2 ** 20, vectors: 1 };
  const server = await serve({ definition: bench, options, registry, listen: 'memory:device' });
  const client = await connectDevice(server.uri, { registry });
  return { server, client, mapped: () => server.statistics().dmaMappings };
}

t.test('an address is the same as number and as bigint', async (t) => {
  const { server, client, mapped } = await open();
  const memory = client.allocateMemory(PAGE);
  await client.dmaMap({ address: BigInt(PAGE), memory });
  await client.dmaMap({ address: PAGE, memory });
  t.equal(mapped(), 1);
  await client.dmaUnmap(PAGE, PAGE);
  await client.dmaMap({ address: PAGE, memory, writable: false });
  await client.dmaUnmap(BigInt(PAGE), PAGE);
  await client.dmaMap({ address: PAGE, memory });
  await client.dmaMap({ address: LAST_PAGE, memory });
  await client.dmaUnmapAll();
  t.equal(mapped(), 0);
  await server.close();
});

t.test('what is no address and no part of the memory is refused, and leaves nothing', async (t) => {
  const { server, client, mapped } = await open();
  const memory = client.allocateMemory(2 * PAGE);
  for (const address of [-PAGE, 2 ** 64, 2n ** 64n, Number.NaN]) {
    await t.rejects(client.dmaMap({ address, memory }), /is no address/);
    await t.rejects(client.dmaUnmap(address, PAGE), /is no address/);
  }
  for (const part of [
    { offset: -PAGE },
    { length: -PAGE },
    { length: 3 * PAGE },
    { length: 0.5 },
  ]) {
    const refused = client.dmaMap({ address: PAGE, memory, ...part });
    await t.rejects(refused, { code: 'VFU_CONFIG_INVALID' });
  }
  for (const wrong of [{ length: 0 }, { length: PAGE - 1 }, { address: LAST_PAGE }]) {
    const error = await client.dmaMap({ address: PAGE, memory, ...wrong }).catch((cause) => cause);
    t.ok(error instanceof RemoteError && error.errno === errno.EINVAL);
  }
  t.equal(mapped(), 0);
  await client.dmaMap({ address: PAGE, memory });
  await server.close();
});
