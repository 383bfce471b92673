// A device or a bridge as a child process, started as a user would start it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/vfio-user.js', import.meta.url));

/** Runs `vfio-user serve`; see {@link start}. */
export function startDevice(device, listen) {
  return start(['serve', device, '--listen', listen]);
}

/** Runs `vfio-user bridge`; see {@link start}. */
export function startBridge(listen, connect) {
  return start(['bridge', '--listen', listen, '--connect', connect]);
}

/** Runs a command of ours and resolves when it listens: where, and how to end it. */
async function start(command) {
  const args = [COMMAND, ...command, '--log-level', 'warn'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // It must not outlive the demonstration, however that ends.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit');

  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('listening ')) continue;
    return {
      uri: line.slice('listening '.length),
      async stop() {
        child.kill('SIGTERM');
        const [code, signal] = await exited;
        process.off('exit', kill);
        if (code !== 0) throw new Error(`${command[0]} ended with ${signal ?? code}`);
      },
    };
  }
  throw new Error(`${command.join(' ')} ended before it listened`);
}
