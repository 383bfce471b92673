import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Program } from '@vfio-user/support';
import t, { type Test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { COMMAND } from './cli-process.js';

const POLL_MS = 20;
const PATIENCE_MS = 60_000;

interface Running {
  readonly command: Program;
  /** A server, its client, and an echo server. */
  readonly children: readonly number[];
  readonly folder: string;
}

/** A run in the middle of measuring. */
async function startRun(t: Test): Promise<Running> {
  const folder = socketFolder(t);
  const args = ['bench', '--transport', 'unix', '--tests', 'region-read', '--duration', '60s'];
  const command = new Program([process.execPath, COMMAND, ...args], {
    env: { ...process.env, TMPDIR: folder },
  });
  t.teardown(() => command.kill());
  const children = (): readonly number[] => childrenOf(command.pid as number);
  await until(
    () => children().length === 3 || !command.isRunning,
    () => `three processes of the run; there are ${children().length}`,
  );
  if (!command.isRunning) throw new Error(command.log.join('\n'));
  return { command, children: children(), folder };
}

/** Waits until `condition` holds, or says what did not come. */
async function until(condition: () => boolean, what: () => string): Promise<void> {
  const giveUp = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > giveUp) throw new Error(`waited ${PATIENCE_MS} ms for ${what()}`);
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
  const { command, children, folder } = await startRun(t);
  command.signal('SIGINT');
  const { code, stderr } = await command.ended();
  t.equal(code, 1);
  t.strictSame(stderr, ['vfio-user: ended by SIGINT, nothing was written']);
  t.notOk(children.some(isAlive));
  t.strictSame(readdirSync(folder), []);
});

t.test('the servers of a run that was killed end by themselves', async (t) => {
  const { command, children } = await startRun(t);
  await command.kill();
  await until(
    () => !children.some(isAlive),
    () => `the end of its processes ${children.filter(isAlive)}`,
  );
  t.pass('they are gone');
});
