import { connectDevice, Irq, Region, TransportRegistry } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { Program } from '@vfio-user/support';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCli } from './cli-process.js';
import { runCaught } from './fake-io.js';

const registry = new TransportRegistry([unixTransport()]);
const METRICS = ['--metrics', '127.0.0.1:0'];

async function metricsUrl(server: Program): Promise<string> {
  const { url } = JSON.parse(await server.line('stderr', /"msg":"metrics"/));
  return url;
}

async function read(url: string): Promise<string> {
  return (await fetch(url)).text();
}

t.test('serve --metrics shows what a client did, until SIGTERM', async (t) => {
  const uri = `unix://${socketFolder(t)}/dev.sock`;
  const server = runCli(t, ['serve', 'bench', '--listen', uri, ...METRICS]);
  await server.line('stdout', /^listening /);
  const url = await metricsUrl(server);
  const client = await connectDevice(uri, { registry });
  for (let i = 0; i < 5; i++) await client.regionRead(Region.BAR0, register.ID, 4);
  await t.rejects(client.regionRead(77, 0, 4), { message: /refused REGION_READ/ });
  await client.enableInterrupts(Irq.MSIX, 1, () => {});
  const text = await read(url);
  t.match(text, 'vfio_user_requests_total{command="REGION_READ",outcome="ok"} 5');
  t.match(text, 'vfio_user_requests_total{command="REGION_READ",outcome="error"} 1');
  t.match(text, 'vfio_user_requests_total{command="DEVICE_SET_IRQS",outcome="ok"} 1');
  t.match(text, 'vfio_user_errors_total{code="VFU_REQUEST_REFUSED"} 1');
  t.match(text, 'vfio_user_sessions_active 1');
  server.signal('SIGUSR2');
  const statistics = JSON.parse(await server.line('stderr', /"statistics"/));
  t.match(statistics.requests.REGION_READ, { count: 6, failed: 1, p50Us: Number, p99Us: Number });
  await client.close();
  server.signal('SIGTERM');
  t.equal((await server.ended()).code, 0);
  await t.rejects(read(url), 'nobody listens any more');
});

t.test('the first SIGUSR2 begins to count, the second one shows counts', async (t) => {
  const uri = `unix://${socketFolder(t)}/dev.sock`;
  const server = runCli(t, ['serve', 'counter', '--listen', uri]);
  await server.line('stdout', /^listening /);
  server.signal('SIGUSR2');
  const first = JSON.parse(await server.line('stderr', /"statistics"/));
  t.match(first, { uptimeSeconds: Number, client: 'none', counting: /from now on/ });
  const client = await connectDevice(uri, { registry });
  await client.regionRead(Region.BAR0, 0, 4);
  await client.close();
  server.signal('SIGUSR2');
  const second = JSON.parse(await server.line('stderr', /"countedSeconds".*"statistics"/));
  t.match(second, { sessions: { begun: 1 }, requests: { REGION_READ: { count: 1 } } });
});

t.test('bridge --metrics counts clients turned away, and devices lost and found', async (t) => {
  const folder = socketFolder(t);
  const device = `unix://${folder}/dev.sock`;
  const near = `unix://${folder}/near.sock`;
  const ends = ['--listen', near, '--connect', device];
  const bridge = runCli(t, ['bridge', ...ends, ...METRICS]);
  await bridge.line('stdout', /^listening /);
  const url = await metricsUrl(bridge);
  await t.rejects(connectDevice(near, { registry }), { message: /VERSION/ });
  t.match(await read(url), 'turned_away_total{reason="device-unreachable"} 1');

  const first = runCli(t, ['serve', 'counter', '--listen', device]);
  await first.line('stdout', /^listening /);
  const client = await connectDevice(near, { registry });
  first.signal('SIGTERM');
  await first.ended();
  await bridge.line('stderr', /out of reach/);
  const second = runCli(t, ['serve', 'counter', '--listen', device]);
  await second.line('stdout', /^listening /);
  await bridge.line('stderr', /the device is back/);
  const text = await read(url);
  t.match(text, 'vfio_user_link_losses_total 1');
  t.match(text, 'vfio_user_link_reconnects_total 1');
  await client.close();
});

t.test('metrics for everybody, or where somebody listens, end with advice', async (t) => {
  const listen = ['serve', 'counter', '--listen', `unix://${socketFolder(t)}/dev.sock`];
  const refused = await runCaught([...listen, '--metrics', '0.0.0.0:0']);
  t.match(refused, { code: 2, stderr: /--metrics 0\.0\.0\.0:0: .* insist with --insecure/ });
  const wrong = await runCaught([...listen, '--metrics', '9464']);
  t.match(wrong, { code: 2, stderr: /expected host:port/ });
  const server = runCli(t, [...listen, ...METRICS]);
  const { host } = new URL(await metricsUrl(server));
  const taken = await runCaught(['serve', 'counter', '--socket-path=/x', '--metrics', host]);
  t.match(taken, { code: 1, stderr: /cannot listen.*\n.*Stop it, or choose another port/ });
});
