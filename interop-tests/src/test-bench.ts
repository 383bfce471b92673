// What every interop test needs: the prepared guest files, our servers and a guest, all ended with the test.

import { DeviceServer } from './device-server.js';
import { Guest } from './guest.js';
import type { GuestOptions } from './guest-options.js';
import { type GuestFiles, prepareGuest } from './setup.js';
import { SocketFolder } from './socket-folder.js';

/** The part of tap's test object that is used. */
export interface TestContext {
  teardown(handler: () => Promise<void>): void;
  comment(message: string): void;
}

export interface TestBench {
  readonly files: GuestFiles;
  /** Starts one of our servers on a fresh socket. */
  serve(
    device: string,
    settings?: Readonly<Record<string, string>>,
  ): Promise<{ server: DeviceServer; socketPath: string }>;
  /** Starts a guest; its console goes to the test's comments. */
  boot(options: GuestOptions): Promise<Guest>;
}

export async function createTestBench(t: TestContext): Promise<TestBench> {
  const files = await prepareGuest();
  const folder = await SocketFolder.create(files);
  const endings: (() => Promise<unknown>)[] = [() => folder.remove()];
  t.teardown(async () => {
    for (const end of endings.reverse()) await end(); // the guest first, then its servers, then the sockets
  });
  let servers = 0;
  return {
    files,
    async serve(device, settings) {
      servers += 1;
      const socketPath = folder.socket(`${device}${servers}.sock`);
      const server = await DeviceServer.start(device, socketPath, settings);
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
