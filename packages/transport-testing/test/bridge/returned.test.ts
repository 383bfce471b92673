import { type PciDeviceDefinition, Region, serve } from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import t from 'tap';
import { BridgeFixture, eventually } from './bridge-fixture.js';

type BenchOptions = typeof bench extends PciDeviceDefinition<infer Options> ? Options : never;

t.test('a device is told that its client has come back, and not that one has come', async (t) => {
  // The native encoding has no word for it.
  for (const [far, told] of [
    [undefined, 1],
    ['', 0],
  ] as const) {
    const fixture = await BridgeFixture.open(t, far === undefined ? {} : { far });
    let returns = 0;
    const definition: PciDeviceDefinition<BenchOptions> = {
      ...bench,
      async create(host, options) {
        const device = await bench.create(host, options);
        return Object.assign(device, { clientReturned: () => void returns++ });
      },
    };
    const serveBench = async () => {
      const options = { memory: 2 ** 20, vectors: 2 };
      const { registry, deviceUri: listen } = fixture;
      const server = await serve({ definition, options, registry, listen });
      t.teardown(() => server.close());
      return server;
    };
    const first = await serveBench();
    const client = await fixture.connect();
    const vendor = async (): Promise<number> =>
      (await client.regionRead(Region.CONFIG, 0, 1))[0] as number;
    const known = await vendor();
    t.equal(returns, 0, 'a new client');
    await first.close();
    await eventually(async () => (await vendor()) === 0xff);
    await serveBench();
    await eventually(async () => (await vendor()) === known);
    t.equal(returns, told);
    await client.close();
    const next = await fixture.connect();
    await next.regionRead(Region.CONFIG, 0, 1);
    t.equal(returns, told, 'another new client');
  }
});
