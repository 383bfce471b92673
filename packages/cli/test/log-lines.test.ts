import { connectDevice, Region, TransportRegistry } from '@vfio-user/core';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCli } from './cli-process.js';

const registry = new TransportRegistry([unixTransport()]);

const CC = 0x14;

t.test('log lines are JSON in which each key stands once, errors with their reason', async (t) => {
  const folder = socketFolder(t);
  const listen = (name: string): string[] => ['--listen', `unix://${folder}/${name}.sock`];
  const gpio = runCli(t, ['serve', 'gpio', '-vv', ...listen('gpio')]);
  const nvme = runCli(t, ['serve', 'nvme', '--set', 'size=1M', ...listen('nvme')]);
  for (const process of [gpio, nvme]) await process.line('stdout', /^listening/);
  const bridge = runCli(t, [
    'bridge',
    ...listen('bridge'),
    '--connect',
    `unix://${folder}/gpio.sock`,
  ]);
  await bridge.line('stdout', /^listening/);

  const far = await connectDevice(`unix://${folder}/bridge.sock`, { registry });
  await far.regionWrite(Region.BAR2, 0, Uint8Array.of(1));
  await t.rejects(far.regionRead(77, 0, 4));
  await far.close();
  await bridge.line('stderr', /client gone/);
  const near = await connectDevice(`unix://${folder}/nvme.sock`, { registry });
  await near.regionWrite(Region.BAR0, CC, Uint8Array.of(1, 0, 0, 0));
  await near.close();
  await nvme.line('stderr', /client gone/);

  const lines: Record<string, unknown>[] = [];
  for (const process of [bridge, gpio, nvme]) {
    process.signal('SIGTERM');
    for (const line of (await process.ended()).stderr) {
      const parsed = JSON.parse(line);
      t.equal(JSON.stringify(parsed), line, 'no key stands twice');
      t.type(parsed.level, 'number');
      t.notOk('error' in parsed, line);
      lines.push(parsed);
    }
  }
  const found = (msg: string) => lines.find((line) => line.msg === msg);
  t.match(found('nvme: the driver enabled a controller that cannot work'), {
    level: 40,
    err: { type: 'RangeError', message: /AQA/ },
  });
  t.match(found('refused a request'), { command: 'REGION_READ', errno: 22, reason: /REGION_READ/ });
  t.match(found('output 0 high'), { level: 20, line: 0, state: 'high' });
  t.match(found('request'), { level: 10, command: 'VERSION', errno: 0 }, '-vv shows each request');
});
