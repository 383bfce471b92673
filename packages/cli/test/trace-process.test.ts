import { connectDevice, Region, TransportRegistry } from '@vfio-user/core';
import { readCapture } from '@vfio-user/trace';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCli } from './cli-process.js';

const registry = new TransportRegistry([unixTransport()]);

/** A counter, and `trace` with `options` in front of it. */
async function startTrace(t: Test, ...options: string[]) {
  const folder = socketFolder(t);
  const [far, near] = [`unix://${folder}/far.sock`, `unix://${folder}/near.sock`];
  const server = runCli(t, ['serve', 'counter', '--listen', far]);
  await server.line('stdout', /^listening /);
  const trace = runCli(t, ['trace', '--listen', near, '--connect', far, ...options]);
  await trace.line('stdout', /listening/);
  return { trace, near, folder };
}

t.test('a signal ends it cleanly in the middle of a session, with a whole capture', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const pcap = `${t.testdir()}/${signal}.pcap`;
    const { trace, near } = await startTrace(t, '--pcap', pcap, '--stats');
    const client = await connectDevice(near, { registry });
    await client.regionRead(Region.CONFIG, 0, 256);
    await client.regionRead(Region.BAR0, 8, 4);
    trace.signal(signal);
    const { code, stdout, stderr } = await trace.ended();
    t.strictSame([code, stderr], [0, []]);
    t.equal(stdout[0], `listening ${near}`);
    t.match(stdout.join('\n'), /→ #\d+ +REGION_READ +BAR0\+0x8 counter WRAPPED \[4\]\n/);
    t.match(stdout.join('\n'), /= session 1 has ended\n\d+ messages, \d+ bytes\n/);
    t.match(stdout.join('\n'), /\nBAR0\+0x8 +counter WRAPPED +1 +0 +0 /);
    const messages = stdout.filter((line) => /^\d\d:.* [→←] /.test(line)).length;
    t.equal([...readCapture(pcap)].length, messages);
    const { stdout: read } = await runCli(t, ['trace', 'read', pcap]).ended();
    const printed = stdout.slice(2, 2 + messages);
    t.strictSame(read.slice(1), printed, 'read prints the same lines');
  }
});

t.test('--json prints nothing but objects', async (t) => {
  const { trace, near } = await startTrace(t, '--json', '--stats');
  await (await connectDevice(near, { registry })).close();
  await trace.line('stdout', /"type":"end"/);
  trace.signal('SIGTERM');
  const { code, stdout } = await trace.ended();
  t.equal(code, 0);
  const types = stdout.map((line) => JSON.parse(line).type);
  t.strictSame([types[0], types[1], types[2]], ['listening', 'begin', 'message']);
  t.strictSame(types.slice(-2), ['end', 'statistics']);
});

t.test('a reader that reads no more does not keep it from ending', async (t) => {
  const pcap = `${t.testdir()}/stuck.pcap`;
  const { trace, near } = await startTrace(t, '--pcap', pcap);
  trace.pauseStdout();
  const client = await connectDevice(near, { registry, timeoutMs: 300 });
  const flood = async (): Promise<void> => {
    for (;;) await client.regionRead(Region.BAR0, 0, 4);
  };
  // Of the request, or of the whole server: both limits are the same.
  await t.rejects(flood(), { code: 'VFU_TIMEOUT' }, 'the session is held up');
  trace.signal('SIGTERM');
  t.equal((await trace.ended()).code, 0);
  t.ok([...readCapture(pcap)].length > 100);
});

t.test('a reader that goes away leaves the session alone', async (t) => {
  const { trace, near } = await startTrace(t);
  trace.closeStdout();
  const client = await connectDevice(near, { registry });
  for (let i = 0; i < 100; i++) await client.regionRead(Region.BAR0, 0, 4);
  await client.close();
  trace.signal('SIGTERM');
  t.match(await trace.ended(), { code: 0, stderr: [] });
});

t.test(
  'a capture that cannot be written leaves the session alone, and fails the end',
  async (t) => {
    const { trace, near } = await startTrace(t, '--pcap', '/dev/full');
    const client = await connectDevice(near, { registry });
    await trace.line('stderr', /the capture ends here; the session goes on/);
    t.equal((await client.regionRead(Region.BAR0, 0, 4)).length, 4);
    await client.close();
    trace.signal('SIGTERM');
    t.equal((await trace.ended()).code, 1);
  },
);

t.test('with --pcap - stdout is the capture, and nothing else', async (t) => {
  const folder = socketFolder(t);
  const to = ['--listen', `unix://${folder}/a.sock`, '--connect', `unix://${folder}/b.sock`];
  const trace = runCli(t, ['trace', ...to, '--pcap', '-', '--stats']);
  t.match(await trace.line('stderr', /./), /^listening unix:/);
  trace.signal('SIGTERM');
  const { code, stdout } = await trace.ended();
  t.equal(code, 0);
  t.notMatch(stdout.join(''), /listening|messages/);
});
