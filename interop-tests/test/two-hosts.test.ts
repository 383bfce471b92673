// The two hosts that the remote tests run on.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { type Host, TwoHosts } from '../src/two-hosts.js';

const run = promisify(execFile);

async function reaches(from: Host, to: Host): Promise<boolean> {
  // A port where nobody listens: a host that is there refuses at once, one that is not says nothing.
  const script = `
    const socket = require('node:net').connect(9, '${to.address}');
    socket.on('error', (error) => process.exit(error.code === 'ECONNREFUSED' ? 0 : 1));
    socket.setTimeout(1000, () => process.exit(1));`;
  const command = [...from.prefix, process.execPath, '-e', script];
  return run('env', command).then(
    () => true,
    () => false,
  );
}

const namespaces = async (): Promise<string> => (await run('ip', ['netns', 'list'])).stdout;

t.test('two hosts reach each other, and only each other', async (t) => {
  const hosts = await TwoHosts.create();
  t.teardown(() => hosts.remove());
  const others = await TwoHosts.create();
  t.teardown(() => others.remove());
  t.ok(await reaches(hosts.qemu, hosts.device), 'there');
  t.ok(await reaches(hosts.device, hosts.qemu), 'and back');

  await hosts.unplugCable();
  t.notOk(await reaches(hosts.qemu, hosts.device), 'not without the cable');
  t.ok(await reaches(others.qemu, others.device), 'another pair is another network');
  await hosts.plugCable();
  t.ok(await reaches(hosts.qemu, hosts.device), 'the cable can be plugged in again');

  await hosts.remove();
  t.notMatch(await namespaces(), hosts.qemu.namespace, 'they are gone afterwards');
});

t.test('what a killed run has left behind is removed by the next', async (t) => {
  // Process ids end below 2^22: nobody has this one.
  const left = 'vfu-4194305-0-qemu';
  await run('ip', ['netns', 'add', left]);
  const hosts = await TwoHosts.create();
  t.teardown(() => hosts.remove());
  t.notMatch(await namespaces(), left, 'it is gone');
  t.match(await namespaces(), hosts.device.namespace, 'that of a living process stays');
});
