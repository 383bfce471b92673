import { fileURLToPath } from 'node:url';
import type { ListeningProcess } from '@vfio-user/support';
import { type CommandPrefix, startListening } from '../device-server.js';
import type { DelayRelayOptions } from './relay.js';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Runs a delay relay as a process of its own; its address is `HOST:PORT`. */
export function startDelayRelay(
  options: DelayRelayOptions,
  prefix?: CommandPrefix,
): Promise<ListeningProcess> {
  // The same loader of TypeScript as this process has.
  const command = [process.execPath, ...process.execArgv, MAIN, JSON.stringify(options)];
  return startListening(command, prefix);
}
