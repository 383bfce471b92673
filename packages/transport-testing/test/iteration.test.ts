import {
  connectDevice,
  type DeviceClient,
  Irq,
  Region,
  serve,
  startBridge,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';

function open(registry: TransportRegistry) {
  const options = { memory: 2 ** 20, vectors: 4 };
  return serve({ definition: bench, options, registry, listen: 'memory:device' });
}

async function ring(client: DeviceClient, vector: number): Promise<void> {
  const value = new Uint8Array(4);
  value[0] = vector;
  await client.regionWrite(Region.BAR0, register.DOORBELL_VECTOR, value);
  await client.regionWrite(Region.BAR0, register.DOORBELL, value);
}

t.test('a server, a bridge and a client close at the end of their block', async (t) => {
  const registry = new TransportRegistry([memoryTransport()]);
  let ended: readonly Promise<unknown>[];
  {
    await using server = await open(registry);
    await using bridge = await startBridge({
      registry,
      listen: 'memory:bridge',
      connect: server.uri,
    });
    await using client = await connectDevice(bridge.uri, { registry });
    t.equal(client.info.numRegions, 9);
    ended = [client.closed, bridge.closed, server.closed];
  }
  t.strictSame(await Promise.all(ended), [undefined, undefined, undefined]);
  await t.rejects(connectDevice('memory:device', { registry }), 'nobody listens there any more');
});

t.test('interrupts are iterated over, those of a vector together', async (t) => {
  const registry = new TransportRegistry([memoryTransport()]);
  await using server = await open(registry);
  await using client = await connectDevice(server.uri, { registry });
  const interrupts = await client.interrupts(Irq.MSIX, 4);
  await ring(client, 2);
  t.strictSame(await interrupts.next(), { done: false, value: { vector: 2, count: 1 } });
  const waiting = interrupts.next();
  await ring(client, 1);
  t.strictSame((await waiting).value, { vector: 1, count: 1 }, 'also one that is waited for');
  let seen = 0;
  for (let times = 0; times < 3; times++) await ring(client, 3);
  for await (const { vector, count } of interrupts) {
    t.equal(vector, 3);
    seen += count;
    if (seen === 3) break;
  }
  t.strictSame(await interrupts.next(), { done: true, value: undefined }, 'a break ends it');
  await client.enableInterrupts(Irq.MSIX, 1, () => {});
});

t.test('an iteration ends by its signal, and with the connection', async (t) => {
  const registry = new TransportRegistry([memoryTransport()]);
  await using server = await open(registry);
  await using client = await connectDevice(server.uri, { registry });
  const reason = new Error('not any more');
  const early = client.interrupts(Irq.MSIX, 1, { signal: AbortSignal.abort(reason) });
  t.equal(await early.catch((error) => error), reason);
  const abort = new AbortController();
  const aborted = await client.interrupts(Irq.MSIX, 1, { signal: abort.signal });
  const waiting = aborted.next();
  abort.abort(reason);
  t.equal(await waiting.catch((error) => error), reason);
  t.strictSame(await aborted.next(), { done: true, value: undefined });

  const orderly = await client.interrupts(Irq.MSIX, 1);
  const last = orderly.next();
  await client.close();
  t.strictSame(await last, { done: true, value: undefined });

  await using other = await connectDevice(server.uri, { registry });
  const cut = await other.interrupts(Irq.MSIX, 1);
  other.connection.abort(new Error('cut'));
  await t.rejects(cut.next(), /cut/);
});

t.test('the clients of a server and of a bridge are iterated over', async (t) => {
  const registry = new TransportRegistry([memoryTransport()]);
  await using server = await open(registry);
  await using bridge = await startBridge({
    registry,
    listen: 'memory:bridge',
    connect: server.uri,
  });
  for (const running of [bridge, server]) {
    const first = await connectDevice(running.uri, { registry });
    const clients = running.clients();
    const { value } = await clients.next();
    const coming = clients.next();
    await first.close();
    t.equal(await value?.left, undefined, 'the first has left in order');
    const second = await connectDevice(running.uri, { registry });
    t.match(await coming, { done: false, value: { peer: String } });
    await second.close();
    const short = await connectDevice(running.uri, { registry });
    const { value: shortly } = await running.clients().next();
    await short.close();
    await shortly?.left;
    const untold = clients.next();
    await running.close();
    t.strictSame(await untold, { done: true, value: undefined }, 'it had left before it was told');
    t.strictSame(await running.clients().next(), { done: true, value: undefined });
  }
});

t.test('who leaves an iteration gets nothing of what was not taken', async (t) => {
  const registry = new TransportRegistry([memoryTransport()]);
  await using server = await open(registry);
  await using client = await connectDevice(server.uri, { registry });
  const interrupts = await client.interrupts(Irq.MSIX, 4);
  for (const vector of [1, 2, 3]) await ring(client, vector);
  t.match(await interrupts.next(), { done: false });
  await interrupts.return?.();
  t.strictSame(await interrupts.next(), { done: true, value: undefined });
  await interrupts[Symbol.asyncDispose]();
  const clients = server.clients();
  await clients.return?.();
  t.strictSame(await clients.next(), { done: true, value: undefined });
});

const endings = {
  'the client closes': (client: DeviceClient) => void client.close(),
  'the client aborts': (client: DeviceClient) => client.connection.abort(new Error('cut')),
  'the server closes': (_client: DeviceClient, server: AsyncDisposable) =>
    server[Symbol.asyncDispose](),
};

for (const [what, end] of Object.entries(endings)) {
  t.test(`an iteration can be left in the turn in which ${what}`, async (t) => {
    const registry = new TransportRegistry([memoryTransport()]);
    await using server = await open(registry);
    await using client = await connectDevice(server.uri, { registry });
    const interrupts = await client.interrupts(Irq.MSIX, 4);
    await ring(client, 1);
    for await (const { vector } of interrupts) {
      t.equal(vector, 1);
      await end(client, server);
      break;
    }
  });
}
