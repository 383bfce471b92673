import {
  Command,
  connectDevice,
  constants,
  definePciDevice,
  errno,
  Irq,
  type Logger,
  msi,
  RemoteError,
  serve,
  silentLogger,
  startBridge,
  TransportRegistry,
} from '@vfio-user/core';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { tcpTransport } from '../src/index.js';

const { IRQ_FLAG_EVENTFD, IRQ_SET_ACTION_TRIGGER, IRQ_SET_DATA_EVENTFD, IRQ_SET_DATA_NONE } =
  constants;

const registry = new TransportRegistry([tcpTransport(), unixTransport()]);
const NATIVE = 'tcp://127.0.0.1:0?encoding=native';

const device = definePciDevice({
  name: 'signals',
  summary: 'a device with interrupts',
  options: z.object({}),
  create: () => ({
    identity: { vendorId: 0x1234, deviceId: 0x5678, classCode: 0xff_00_00 },
    capabilities: [msi({ vectors: 4 })],
    reset() {},
  }),
});

/** Keeps the warnings. */
function warnings(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (_fields: unknown, text?: string) => void lines.push(String(text)),
    child: () => logger,
  };
  return { logger, lines };
}

async function serveDevice(t: Test, listen: string, logger: Logger) {
  const server = await serve({ definition: device, options: {}, registry, listen, logger });
  t.teardown(() => server.close());
  return server.uri;
}

/** A client over TCP in the native encoding gets no interrupts, and no other answer. */
async function isToldSo(t: Test, uri: string): Promise<void> {
  const client = await connectDevice(uri, { registry });
  t.teardown(() => client.close());
  const { count, flags } = await client.irqInfo(Irq.MSI);
  t.same([count, flags & IRQ_FLAG_EVENTFD], [4, 0], 'there are vectors, and no events for them');
  const enabled = client.enableInterrupts(Irq.MSI, 1, () => {});
  await t.rejects(enabled, { code: 'VFU_UNSUPPORTED', message: /use encoding=portable/ });
  const set = (flags: number, count: number) => {
    const body = { argsz: 20, flags, index: Irq.MSI, start: 0, count };
    return client.call(Command.DEVICE_SET_IRQS, body, () => undefined);
  };
  // What is left of a request whose descriptors did not get through.
  const bare = set(IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER, 1);
  const error = await bare.catch((cause: unknown) => cause);
  t.ok(error instanceof RemoteError && error.errno === errno.EINVAL);
  await set(IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER, 0);
}

t.test('a server says that its clients get no interrupts, and tells them so', async (t) => {
  const { logger, lines } = warnings();
  const uri = await serveDevice(t, NATIVE, logger);
  t.match(lines, [/no interrupts.*tcp:.*use encoding=portable on both sides/]);
  await isToldSo(t, uri);
});

t.test('a bridge tells its clients so as well', async (t) => {
  const { logger, lines } = warnings();
  const connect = await serveDevice(t, 'tcp://127.0.0.1:0', logger);
  t.same(lines, [], 'the portable encoding has messages for them');
  const bridge = await startBridge({ registry, listen: NATIVE, connect, logger });
  t.teardown(() => bridge.close());
  t.match(lines, [/no interrupts/]);
  await isToldSo(t, bridge.uri);
});

t.test('a bridge to a device whose interrupts could not come does not start', async (t) => {
  const listen = `unix://${t.testdir()}/bridge.sock`;
  const places = ['tcp://h:1', 'tls://h:1', 'ws://h:1/p', 'wss://h:1/p', 'vsock://2:1'];
  for (const place of places) {
    const started = startBridge({ registry, listen, connect: `${place}?encoding=native` });
    const message = /interrupts cannot travel .*use encoding=portable on both sides/;
    await t.rejects(started, { code: 'VFU_CONFIG_INVALID', message }, place);
  }
});
