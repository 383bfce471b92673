/**
 * The public types, used as a user would. Compiled with the tests and never run: an error here is a
 * change that breaks somebody.
 */
import {
  type AboutDevice,
  type Bridge,
  type bodies,
  type Capabilities,
  Command,
  connectDevice,
  type DeviceClient,
  type DeviceInfo,
  type DeviceServer,
  type GuestMemory,
  type IrqInfo,
  type KnownCommand,
  type PciDeviceDefinition,
  type RaisedInterrupts,
  type RegionInfo,
  type ReplyBodies,
  type RequestBodies,
  type ServedClient,
  serve,
  startBridge,
  TransportRegistry,
  type Version,
} from '../src/index.js';
import type { Accept, Connection, Transport } from '../src/transport/index.js';

/** Both ways assignable: the same type. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;

function same<A, B>(_: Same<A, B>): void {}

export async function typesOfClient(definition: PciDeviceDefinition<object>): Promise<void> {
  const registry = new TransportRegistry([]);
  await using server = await serve({ definition, options: {}, registry, listen: 'memory:a' });
  await using bridge = await startBridge({ registry, listen: 'memory:b', connect: server.uri });
  await using client = await connectDevice(bridge.uri, { registry, capabilities: {} });
  same<typeof server, DeviceServer>(true);
  same<typeof bridge, Bridge>(true);
  same<typeof client, DeviceClient>(true);

  same<typeof client.info, DeviceInfo>(true);
  same<typeof client.server, Capabilities>(true);
  same<typeof client.version, Version>(true);
  same<typeof client.connection, Connection>(true);
  same<Awaited<ReturnType<typeof client.regionInfo>>, RegionInfo>(true);
  same<Awaited<ReturnType<typeof client.irqInfo>>, IrqInfo>(true);
  same<ReturnType<typeof client.allocateMemory>, GuestMemory>(true);
  same<Awaited<ReturnType<typeof client.interrupts>>, RaisedInterrupts>(true);
  for await (const { vector, count } of await client.interrupts(0, 1)) {
    same<typeof vector | typeof count, number>(true);
  }
  for await (const served of server.clients()) same<typeof served, ServedClient>(true);
  for await (const served of bridge.clients()) same<typeof served, ServedClient>(true);

  const body: bodies.IndexRequest = { argsz: 16, index: 0 };
  const info = await client.call(Command.DEVICE_GET_IRQ_INFO, body, (reply) => reply);
  same<typeof info, bodies.IrqInfo>(true);
  same<keyof RequestBodies, KnownCommand>(true);
  same<keyof ReplyBodies, KnownCommand>(true);
}

export function internalsStayInside(
  client: DeviceClient,
  server: DeviceServer,
  bridge: Bridge,
): void {
  // @ts-expect-error a session is begun by connectDevice
  client.start;
  // @ts-expect-error the handler of a peer
  client.onRequest;
  // @ts-expect-error one way for each call: regionRead
  client.regions;
  // @ts-expect-error one way for each call: dmaMap
  client.memory;
  // @ts-expect-error what the listener calls
  server.accept;
  // @ts-expect-error what the listener calls
  bridge.accept;
  // @ts-expect-error read-only
  server.uri = 'tcp://elsewhere:1';
  // @ts-expect-error bytes, not text
  void client.regionWrite(0, 0, 'text');
  // @ts-expect-error there is no such command
  void client.call(9999, undefined, () => undefined);
}

export function typesOfTransport(transport: Transport, about: AboutDevice): void {
  same<Parameters<Transport['listen']>[1], Accept>(true);
  same<typeof about.peer, string | undefined>(true);
  new TransportRegistry([transport]);
  // @ts-expect-error a registry is made of transports
  new TransportRegistry(transport);
}
