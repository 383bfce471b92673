import { spawnSync } from 'node:child_process';
import t from 'tap';

const built = new URL('../dist/index.js', import.meta.url).href;

/** In a process without the loaders of the tests: their threads wake the event loop up. */
function runIdle(source: string): { status: number | null; stdout: string } {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const args = ['--input-type=module', '-e', source];
  return spawnSync(process.execPath, args, { encoding: 'utf8', env, timeout: 60_000 });
}

t.test('promises and ticks that a callback leaves go on in a process that is idle', async (t) => {
  const { status, stdout } = runIdle(`
    const { createEventFd, EventFdReader, EventFdWriter, Poller } = await import('${built}');
    const event = createEventFd();
    const [reader, writer] = [new EventFdReader(event), new EventFdWriter(event)];
    let wake;
    const poller = new Poller(event, () => {
      reader.read();
      process.nextTick(wake);
    });
    poller.watch(true, false);
    for (let round = 0; round < 3; round++) {
      const woken = new Promise((resolve) => { wake = resolve; });
      setImmediate(() => writer.signal());
      await woken;
    }
    poller.close();
    console.log('awake');
  `);
  t.equal(stdout.trim(), 'awake');
  t.equal(status, 0);
});
