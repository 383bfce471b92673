// Our command and other programs that listen, as child processes, started as a user would.

import { fileURLToPath } from 'node:url';
import { ListeningProcess } from '@vfio-user/support';

/** Where the `vfio-user` command lies in the workspace. */
const CLI = fileURLToPath(new URL('../../packages/cli/bin/vfio-user.js', import.meta.url));

/** Words before a command line that run it elsewhere, such as `ip netns exec NAME`. */
export type CommandPrefix = readonly string[];

/** Settings of a device, passed as `--set` options. */
export type DeviceSettings = Readonly<Record<string, string>>;

/** Runs a command line that says where it listens. */
export function startListening(
  command: readonly string[],
  prefix: CommandPrefix = [],
): Promise<ListeningProcess> {
  // setpriv comes last, for a process that enters a namespace stays the same one: it dies with
  // this process even when we are killed and cannot clean up.
  return ListeningProcess.start(command, {
    prefix: [...prefix, 'setpriv', '--pdeathsig', 'KILL'],
  });
}

/** Runs `vfio-user ARGUMENTS` until it listens. */
export function vfioUser(
  args: readonly string[],
  prefix?: CommandPrefix,
): Promise<ListeningProcess> {
  return startListening([process.execPath, CLI, ...args], prefix);
}

export interface ServeOptions {
  readonly prefix?: CommandPrefix;
  /** More options of the command. */
  readonly options?: readonly string[];
}

/** Runs `vfio-user serve DEVICE --listen URI --set name=value ...` and resolves when it listens. */
export function serveDevice(
  device: string,
  listen: string,
  settings: DeviceSettings = {},
  { prefix, options = [] }: ServeOptions = {},
): Promise<ListeningProcess> {
  const sets = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  // Plain TCP beyond this host is wanted: the other host is a namespace of ours.
  const insecure = /^(?:tcp|ws):/.test(listen) ? ['--insecure'] : [];
  return vfioUser(['serve', device, '--listen', listen, ...insecure, ...sets, ...options], prefix);
}
