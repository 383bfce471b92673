import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectDevice, Region, TransportRegistry } from '@vfio-user/core';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';

const COMMAND = fileURLToPath(new URL('../bin/vfio-user.js', import.meta.url));
const registry = new TransportRegistry([unixTransport()]);

/** A named pipe, open at its reading end. */
function pipe(t: Test, folder: string, name: string) {
  const path = `${folder}/${name}`;
  execFileSync('mkfifo', [path]);
  // Writable as well, so that it can be filled before there is a writer.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  t.teardown(close);
  return {
    path,
    close,
    fill(): void {
      try {
        for (;;) writeSync(fd, ' '.repeat(4096));
      } catch {
        // It is full.
      }
    },
    /** What is in it now. */
    read(): string {
      const chunk = Buffer.alloc(65_536);
      let text = '';
      try {
        for (;;) text += chunk.toString('utf8', 0, readSync(fd, chunk));
      } catch {
        return text;
      }
    },
  };
}

interface Streams {
  readonly stdout?: string;
  readonly stderr?: string;
}

/** A gpio device with debug lines, one for each output that changes. */
async function startGpio(t: Test, folder: string, { stdout, stderr }: Streams) {
  const socket = `${folder}/gpio.sock`;
  const args = ['serve', 'gpio', '-v', '--listen', `unix://${socket}`];
  const to = [stdout && `> ${stdout}`, stderr && `2> ${stderr}`].filter(Boolean).join(' ');
  const child = spawn('sh', ['-c', `exec "$0" "$@" ${to}`, process.execPath, COMMAND, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const uri = `unix://${socket}`;
  while (!(await isServed(uri))) await setTimeout(10);
  return { child, uri };
}

/** What it prints is not always there to tell. */
async function isServed(uri: string): Promise<boolean> {
  try {
    const client = await connectDevice(uri, { registry });
    await client.close();
    return true;
  } catch {
    return false;
  }
}

/** Change eight outputs `times` times. */
async function toggle(uri: string, times: number): Promise<void> {
  const client = await connectDevice(uri, { registry });
  for (let at = 0; at < times; at++) {
    await client.regionWrite(Region.BAR2, 0, Uint8Array.of(at % 2 === 0 ? 0xff : 0));
  }
  await client.close();
}

async function end(child: ChildProcess): Promise<number | null> {
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await exit;
  return code as number | null;
}

/** Each line as JSON; one that is cut or mixed with another would not be. */
const parse = (text: string): { readonly msg: string; readonly lines?: number }[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

t.test('a log that nobody reads for a while holds nothing up', async (t) => {
  const folder = socketFolder(t);
  const log = pipe(t, folder, 'log');
  const { child, uri } = await startGpio(t, folder, { stderr: log.path });
  await toggle(uri, 3000);

  let text = '';
  while (!/lines dropped/.test(text)) {
    text += log.read();
    await setTimeout(10);
  }
  const lines = parse(text);
  const [dropped] = lines.filter(({ msg }) => msg.includes('dropped'));
  t.match(dropped?.msg, /^\d+ lines dropped, as nobody read the log$/);
  const toggled = lines.filter(({ msg }) => msg.startsWith('output')).length;
  t.equal(toggled + (dropped?.lines ?? 0) - 1, 8 * 3000, '"client gone" was dropped, too');

  await toggle(uri, 1);
  t.equal(await end(child), 0);
  const last = parse(log.read());
  t.match(last.at(-1), { signal: 'SIGTERM', msg: 'ending' });
});

t.test('a log that nobody reads any more holds nothing up, not even the end', async (t) => {
  for (const kind of ['full', 'gone']) {
    const folder = socketFolder(t);
    const log = pipe(t, folder, 'log');
    const { child, uri } = await startGpio(t, folder, { stderr: log.path });
    if (kind === 'gone') log.close();
    await toggle(uri, 3000);
    await toggle(uri, 1);
    t.equal(await end(child), 0, kind);
  }
});

t.test('the same for a socket, which is what Node and systemd give', async (t) => {
  const { child, uri } = await startGpio(t, socketFolder(t), {});
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  child.stderr?.pause();
  await toggle(uri, 3000);
  const closed = once(child, 'close');
  t.equal(await end(child), 0);
  child.stderr?.resume();
  await closed;
  t.match(JSON.parse(text.slice(0, text.indexOf('\n'))), { msg: 'client connected' });
});

t.test('a log in a file is complete', async (t) => {
  const folder = socketFolder(t);
  const { child, uri } = await startGpio(t, folder, { stderr: `${folder}/log` });
  await toggle(uri, 3000);
  t.equal(await end(child), 0);
  const lines = parse(readFileSync(`${folder}/log`, 'utf8'));
  t.equal(lines.filter(({ msg }) => msg.startsWith('output')).length, 8 * 3000);
  t.match(lines.at(-1), { msg: 'ending' });
});

t.test('stdout that nobody reads holds nothing up', async (t) => {
  const folder = socketFolder(t);
  const stdout = pipe(t, folder, 'stdout');
  stdout.fill();
  const { child, uri } = await startGpio(t, folder, { stdout: stdout.path });
  child.stderr?.resume();
  await toggle(uri, 1);
  stdout.read();
  let text = '';
  while (text === '') {
    text = stdout.read();
    await setTimeout(10);
  }
  t.equal(text, `listening ${uri}\n`);
  t.equal(await end(child), 0);
});

t.test('why the process ends is the last thing written', async (t) => {
  const folder = socketFolder(t);
  const log = pipe(t, folder, 'log');
  log.fill();
  const child = spawn(
    'sh',
    [
      '-c',
      `exec "$0" "$@" 2> ${log.path}`,
      process.execPath,
      COMMAND,
      'info',
      `unix://${folder}/no`,
    ],
    { stdio: 'ignore' },
  );
  const exit = once(child, 'exit');
  let text = '';
  let isOver = false;
  void exit.then(() => {
    isOver = true;
  });
  while (!isOver) {
    text += log.read();
    await setTimeout(10);
  }
  text += log.read();
  t.match(await exit, [1]);
  t.match(text.trim(), /^vfio-user: .*ENOENT/);
});
