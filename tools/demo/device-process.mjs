// A device as a child process, started as a user would start it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../packages/cli/bin/vfio-user.js', import.meta.url));

/** Runs `vfio-user serve` and resolves when it listens: where, and how to end it. */
export async function startDevice(device, listen) {
  const args = [COMMAND, 'serve', device, '--listen', listen, '--log-level', 'warn'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // A device must not outlive the demonstration, however that ends.
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
        if (code !== 0) throw new Error(`the ${device} device ended with ${signal ?? code}`);
      },
    };
  }
  throw new Error(`the ${device} device ended before it listened`);
}
