// One of our device servers as a child process, started through the CLI as a user would.

import { type CommandPrefix, ListeningProcess } from './listening-process.js';

/** What the device is given: becomes `--set` options. */
export type DeviceSettings = Readonly<Record<string, string>>;

/** Runs `vfio-user serve DEVICE --listen URI --set name=value ...` and resolves when it listens. */
export function serveDevice(
  device: string,
  listen: string,
  settings: DeviceSettings = {},
  prefix: CommandPrefix = [],
): Promise<ListeningProcess> {
  const sets = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  // Plain TCP beyond this host is wanted: the other host is a namespace of ours.
  const insecure = /^(?:tcp|ws):/.test(listen) ? ['--insecure'] : [];
  return ListeningProcess.vfioUser(
    ['serve', device, '--listen', listen, ...insecure, ...sets],
    prefix,
  );
}
