import { getEventListeners } from 'node:events';
import {
  type CallOptions,
  Command,
  connectDevice,
  type DeviceClient,
  Irq,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t, { type Test } from 'tap';
import { ScriptedDevice } from './bridge/scripted-device.js';

const REASON = new Error('not any more');
const ADDRESS = 0x1_0000;
const PAGE = 4096;
const ENOENT = 2;

/** A client whose device leaves `held` unanswered until `release()`. */
async function open(t: Test, held: number) {
  const registry = new TransportRegistry([memoryTransport()]);
  const later: (() => void)[] = [];
  let holds = false;
  const device = await ScriptedDevice.listen(registry, 'memory:device', (request, peer) => {
    if (!holds || request.command !== held) return false;
    later.push(() => {
      if (request.command === Command.DEVICE_GET_REGION_INFO) {
        const info = { argsz: 32, flags: 0, index: 0, capOffset: 0, size: 0n, offset: 0n };
        peer.reply(request.command, request.id, { ...info, sparse: undefined });
      } else if (request.command === Command.DMA_UNMAP) {
        peer.reply(request.command, request.id, request.body);
      } else {
        peer.reply(request.command as typeof Command.DEVICE_RESET, request.id, undefined);
      }
    });
    return true;
  });
  t.teardown(() => device.vanish());
  const client = await connectDevice('memory:device', { registry });
  t.teardown(() => client.close());
  const abort = new AbortController();
  /** Ask, and give up once the device has been asked. @returns what it rejected with. */
  const giveUp = async (
    ask: (client: DeviceClient, options: CallOptions) => Promise<unknown>,
  ): Promise<unknown> => {
    holds = true;
    const asked = ask(client, { signal: abort.signal });
    await device.until(() => later.length > 0, 'the request');
    abort.abort(REASON);
    const error = await asked.then(
      () => undefined,
      (reason) => reason,
    );
    holds = false;
    return error;
  };
  const release = (): void => {
    for (const reply of later.splice(0)) reply();
  };
  return { device, client, abort, giveUp, release };
}

const calls: Readonly<
  Record<string, [number, (client: DeviceClient, options: CallOptions) => Promise<unknown>]>
> = {
  regionRead: [Command.REGION_READ, (client, options) => client.regionRead(0, 0, 4, options)],
  regionWrite: [
    Command.REGION_WRITE,
    (client, options) => client.regionWrite(0, 0, new Uint8Array(4), options),
  ],
  regionInfo: [Command.DEVICE_GET_REGION_INFO, (client, options) => client.regionInfo(0, options)],
  mapRegion: [Command.DEVICE_GET_REGION_INFO, (client, options) => client.mapRegion(0, options)],
  irqInfo: [Command.DEVICE_GET_IRQ_INFO, (client, options) => client.irqInfo(0, options)],
  doorbells: [Command.DEVICE_GET_REGION_IO_FDS, (client, options) => client.doorbells(0, options)],
  dmaUnmapAll: [Command.DMA_UNMAP, (client, options) => client.dmaUnmapAll(options)],
  disableInterrupts: [
    Command.DEVICE_SET_IRQS,
    (client, options) => client.disableInterrupts(Irq.MSIX, options),
  ],
  unmaskInterrupt: [
    Command.DEVICE_SET_IRQS,
    (client, options) => client.unmaskInterrupt(Irq.INTX, 0, options),
  ],
  reset: [Command.DEVICE_RESET, (client, options) => client.reset(options)],
};

for (const [name, [command, ask]] of Object.entries(calls)) {
  t.test(`${name}: its signal ends the wait with the reason, and only that`, async (t) => {
    const { client, abort, giveUp } = await open(t, command);
    t.equal(await giveUp(ask), REASON);
    t.equal(getEventListeners(abort.signal, 'abort').length, 0);
    await client.reset();
    t.equal(await ask(client, { signal: AbortSignal.abort(REASON) }).catch((e) => e), REASON);
  });
}

t.test('dmaMap: what the server maps after an abort it is made to give back', async (t) => {
  const { device, client, giveUp, release } = await open(t, Command.DMA_MAP);
  const memory = client.allocateMemory(PAGE);
  const map = (to: DeviceClient, options: CallOptions) =>
    to.dmaMap({ address: ADDRESS, memory, ...options });
  t.equal(await giveUp(map), REASON);
  const again = map(client, {});
  t.equal(device.bodies(Command.DMA_MAP).length, 1, 'the same range waits until that is clear');
  release();
  await again;
  t.match(device.bodies(Command.DMA_UNMAP), [{ address: ADDRESS, size: PAGE }]);
  t.equal(device.bodies(Command.DMA_MAP).length, 2);
  t.equal(await device.read(ADDRESS, 4), 0, 'and is mapped afterwards');
});

t.test('dmaUnmap: an abort does not bring the memory back', async (t) => {
  const { device, client, giveUp, release } = await open(t, Command.DMA_UNMAP);
  await client.dmaMap({ address: ADDRESS, memory: client.allocateMemory(PAGE) });
  t.equal(await giveUp((to, options) => to.dmaUnmap(ADDRESS, PAGE, options)), REASON);
  release();
  await client.reset();
  t.equal(await device.read(ADDRESS, 4), ENOENT);
});

t.test('enableInterrupts: after an abort the index is switched off', async (t) => {
  const { device, giveUp, release } = await open(t, Command.DEVICE_SET_IRQS);
  const raised: number[] = [];
  const enable = (to: DeviceClient, options: CallOptions) =>
    to.enableInterrupts(Irq.MSIX, 1, (vector) => void raised.push(vector), options);
  t.equal(await giveUp(enable), REASON);
  release();
  await device.until(() => device.bodies(Command.DEVICE_SET_IRQS).length === 2, 'the end of them');
  t.match(device.bodies(Command.DEVICE_SET_IRQS)[1], { index: Irq.MSIX, count: 0 });
});

t.test('what a server hands over after an abort is closed', async (t) => {
  const transport = memoryTransport();
  const registry = new TransportRegistry([transport]);
  const options = { memory: 2 ** 20, vectors: 1 };
  const server = await serve({ definition: bench, options, registry, listen: 'memory:bench' });
  t.teardown(() => server.close());
  const client = await connectDevice('memory:bench', { registry });
  t.teardown(() => client.close());
  const open = {
    mapRegion: async (options: CallOptions) => [await client.mapRegion(2, options)],
    doorbells: (options: CallOptions) => client.doorbells(0, options),
  };
  for (const [name, ask] of Object.entries(open)) {
    // What the server itself keeps open from then on is there already.
    for (const each of await ask({})) each.close();
    const before = transport.openHandles;
    const abort = new AbortController();
    const asked = ask({ signal: abort.signal });
    abort.abort(REASON);
    t.equal(await asked.catch((error) => error), REASON);
    for (let turn = 0; turn < 100 && transport.openHandles !== before; turn++) await client.reset();
    t.equal(transport.openHandles, before, name);
  }
});
