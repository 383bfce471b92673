import { connectDevice, TransportRegistry } from '@vfio-user/core';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCli } from './cli-process.js';

const registry = new TransportRegistry([unixTransport()]);

t.test('a second server of an image ends with who has it; the first goes on', async (t) => {
  const folder = socketFolder(t);
  const serve = (name: string, ...settings: string[]) =>
    runCli(t, [
      ...['serve', 'nvme', '--listen', `unix://${folder}/${name}.sock`],
      ...[`file=${folder}/disk`, ...settings].flatMap((setting) => ['--set', setting]),
    ]);
  const first = serve('first', 'size=1M');
  await first.line('stdout', /^listening /);
  for (const settings of [[], ['size=1M'], ['readonly=true']]) {
    const { code, stdout, stderr } = await serve('second', ...settings).ended();
    t.equal(code, 1);
    t.strictSame(stdout, []);
    t.match(
      stderr,
      [/^vfio-user: nvme: file .*disk: is in use: open in process \d+ \(.*serve nvme /],
      'one line',
    );
    t.equal(stderr.length, 1);
  }
  const client = await connectDevice(`unix://${folder}/first.sock`, { registry });
  await client.close();
  first.signal('SIGTERM');
  t.equal((await first.ended()).code, 0);
  const again = serve('again');
  await again.line('stdout', /^listening /);
});
