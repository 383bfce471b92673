// What every interop test needs: the prepared guest files, our servers and a guest, all ended with the test.

import type { ListeningProcess } from '@vfio-user/support';
import { type DeviceSettings, serveDevice } from './device-server.js';
import { Guest } from './guest.js';
import type { GuestOptions } from './guest-options.js';
import { type GuestFiles, prepareGuest } from './setup.js';
import { SocketFolder } from './socket-folder.js';

/** The part of tap's test object that is used. */
export interface TestContext {
  teardown(handler: () => Promise<void>): void;
  comment(message: string): void;
}

/** One of our devices, ready for QEMU. */
export interface ServedDevice {
  readonly server: ListeningProcess;
  /** What QEMU connects to: the server's own socket, or that of a bridge to it. */
  readonly socketPath: string;
}

export interface TestRig {
  readonly files: GuestFiles;
  /** Starts one of our servers. Each gets a socket of its own. */
  serve(device: string, settings?: DeviceSettings): Promise<ServedDevice>;
  /** Starts a guest; its console goes to the test's comments. */
  boot(options: GuestOptions): Promise<Guest>;
}

/** A rig whose servers may be anywhere. */
export interface OpenTestRig extends TestRig {
  /** A socket path that nobody uses yet, where QEMU can reach it. */
  newSocket(name: string): string;
  /** Runs when the test has ended, before what was handed in earlier. */
  atEnd(end: () => Promise<unknown>): void;
}

/** A rig with servers on this host, to which QEMU connects directly. */
export async function createTestRig(t: TestContext): Promise<OpenTestRig> {
  const files = await prepareGuest();
  const folder = await SocketFolder.create(files);
  const endings: (() => Promise<unknown>)[] = [() => folder.remove()];
  t.teardown(async () => {
    for (const end of endings.reverse()) await end(); // the guest first, then its servers, then the sockets
  });
  let sockets = 0;
  const newSocket = (name: string): string => folder.socket(`${name}${++sockets}.sock`);
  return {
    files,
    newSocket,
    atEnd: (end) => {
      endings.push(end);
    },
    async serve(device, settings) {
      const socketPath = newSocket(device);
      const server = await serveDevice(device, `unix://${socketPath}`, settings);
      endings.push(() => server.stop());
      return { server, socketPath };
    },
    async boot(options) {
      const guest = await Guest.start(files, { onLine: (line) => t.comment(line), ...options });
      endings.push(() => guest.end());
      t.comment(`booted in ${guest.bootSeconds.toFixed(1)} s`);
      return guest;
    },
  };
}
