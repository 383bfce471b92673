// What a client is asked that no message can carry is refused before it is sent, in both encodings.

import { connectDevice, Region, serve, TransportRegistry } from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';

const INVALID = { name: 'RangeError' };
const PAGE = 4096;

for (const query of ['', '?encoding=portable']) {
  t.test(`memory:${query}`, async (t) => {
    const registry = new TransportRegistry([memoryTransport()]);
    const options = bench.options.parse({});
    const listen = `memory:device${query}`;
    const server = await serve({ definition: bench, options, registry, listen });
    const client = await connectDevice(server.uri, { registry });
    t.teardown(async () => {
      await client.close();
      await server.close();
    });
    const word = new Uint8Array(4);
    for (const offset of [Number.NaN, 0.5, -4, 2 ** 53]) {
      await t.rejects(client.regionRead(Region.BAR0, offset, 4), INVALID, `read at ${offset}`);
      await t.rejects(client.regionWrite(Region.BAR0, offset, word), INVALID, `write at ${offset}`);
      t.throws(() => client.regionWritePosted(Region.BAR0, offset, word), INVALID);
    }
    for (const count of [Number.NaN, -4, 2 ** 32]) {
      await t.rejects(client.regionRead(Region.BAR0, 0, count), INVALID, `${count} bytes`);
    }
    await t.rejects(client.regionRead(2 ** 32, 0, 4), INVALID, 'a region beyond 32 bits');
    const memory = client.allocateMemory(PAGE);
    for (const address of [Number.NaN, -PAGE, 2 ** 64, 1n << 64n]) {
      await t.rejects(client.dmaMap({ address, memory }), INVALID, `map at ${address}`);
      await t.rejects(client.dmaUnmap(address, PAGE), INVALID, `unmap at ${address}`);
    }
    for (const range of [{ offset: -PAGE }, { length: -1 }, { length: Number.NaN }]) {
      await t.rejects(client.dmaMap({ address: PAGE, memory, ...range }), {
        code: 'VFU_CONFIG_INVALID',
      });
    }
    await t.rejects(client.regionRead(Region.BAR0, 0, 2 ** 24), { code: 'VFU_REMOTE_ERROR' });
    t.equal((await client.regionRead(Region.BAR0, 0, 4)).length, 4, 'the session goes on');
  });
}
