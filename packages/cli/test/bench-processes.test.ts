import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';

const COMMAND = fileURLToPath(new URL('../bin/vfio-user.js', import.meta.url));
const POLL_MS = 20;

interface Running {
  readonly command: ChildProcess;
  readonly stderr: () => string;
  /** A server, its client, and an echo server. */
  readonly children: readonly number[];
  readonly folder: string;
}

/** A run in the middle of measuring. */
async function startRun(t: Test): Promise<Running> {
  const folder = socketFolder(t);
  const args = ['bench', '--transport', 'unix', '--tests', 'region-read', '--duration', '60s'];
  const command = spawn(process.execPath, [COMMAND, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  });
  t.teardown(() => command.kill('SIGKILL'));
  let stderr = '';
  command.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  for (;;) {
    const children = childrenOf(command.pid as number);
    if (children.length === 3) return { command, stderr: () => stderr, children, folder };
    if (command.exitCode !== null) throw new Error(stderr);
    await setTimeout(POLL_MS);
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended, whoever has not noticed.
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

t.test('SIGINT ends a run with status 1, its servers, and its temporary files', async (t) => {
  const { command, stderr, children, folder } = await startRun(t);
  command.kill('SIGINT');
  const [code] = await once(command, 'close');
  t.equal(code, 1);
  t.match(stderr(), /^vfio-user: ended by SIGINT, nothing was written\n$/);
  t.notOk(children.some(isAlive));
  t.strictSame(readdirSync(folder), []);
});

t.test('the servers of a run that was killed end by themselves', async (t) => {
  const { command, children } = await startRun(t);
  command.kill('SIGKILL');
  await once(command, 'close');
  while (children.some(isAlive)) await setTimeout(POLL_MS);
  t.pass('they are gone');
});
