// A guest under QEMU: start, run test scripts in it, reboot, plug and unplug, end.
//
//   const guest = await Guest.start(files, { devices: [{ socketPath, id: 'disk', rootPort: 'rp0' }] });
//   const { results } = await guest.run('nvme-io');
//   await guest.reboot();
//   await guest.end();

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { GuestDevice, GuestOptions } from './guest-options.js';
import { deviceProperties, qemuArguments } from './qemu-arguments.js';
import { Qmp } from './qmp.js';
import { SerialConsole } from './serial-console.js';
import type { GuestFiles } from './setup.js';
import { insideRoot, SocketFolder } from './socket-folder.js';

/** Result of a guest test script. */
export interface ScriptResult {
  readonly name: string;
  readonly rc: number;
  readonly seconds: number;
  /** The lines between BEGIN and END. */
  readonly output: readonly string[];
  /** The values of its `RESULT name=value` lines. */
  readonly results: Readonly<Record<string, string>>;
}

/** The init's first line of each boot. */
const BOOTED = /^GUEST up=/;
const READY = 'GUEST ready';
/** How long to wait for a kernel to shut down, ms. */
const POWEROFF_MS = 20_000;

export class Guest {
  readonly console: SerialConsole;
  readonly qmp: Qmp;
  /** Seconds from the start of QEMU to the first line of the guest's init. */
  readonly bootSeconds: number;
  /** QEMU's exit code (or the signal's name), once it has ended. */
  readonly exited: Promise<number | string>;
  readonly #files: GuestFiles;
  readonly #folder: SocketFolder;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #complaints: () => string;
  readonly #timeoutMs: number;

  private constructor(
    files: GuestFiles,
    parts: {
      console: SerialConsole;
      qmp: Qmp;
      bootSeconds: number;
      exited: Promise<number | string>;
      folder: SocketFolder;
      child: ChildProcessByStdio<Writable, Readable, Readable>;
      complaints: () => string;
      timeoutMs: number;
    },
  ) {
    this.#files = files;
    this.console = parts.console;
    this.qmp = parts.qmp;
    this.bootSeconds = parts.bootSeconds;
    this.exited = parts.exited;
    this.#folder = parts.folder;
    this.#child = parts.child;
    this.#complaints = parts.complaints;
    this.#timeoutMs = parts.timeoutMs;
  }

  /** Starts QEMU and resolves once the guest's init runs. Cleans up after itself when that fails. */
  static async start(files: GuestFiles, options: GuestOptions = {}): Promise<Guest> {
    const timeoutMs = options.timeoutMs ?? 180_000;
    const folder = await SocketFolder.create(files);
    const qmpPath = folder.socket('qmp.sock');
    const listener = await Qmp.listen(qmpPath);
    const begin = performance.now();
    // setpriv: QEMU dies with this process even when we are killed and cannot clean up.
    const child = spawn(
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        'chroot',
        files.root,
        files.qemu,
        ...qemuArguments(files, options, insideRoot(files, qmpPath)),
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    const serial = new SerialConsole(child.stdout, options.onLine);
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      complaints = (complaints + String(text)).slice(-4000);
    });
    child.stdin.on('error', () => {
      /* QEMU went away: "exited" tells */
    });
    const exited = new Promise<number | string>((resolve) => {
      const done = (how: number | string): void => {
        serial.fail(
          new Error(
            `QEMU ended (${how})${complaints === '' ? '' : `, saying: ${complaints.trim()}`}`,
          ),
        );
        listener.stop();
        resolve(how);
      };
      child.once('error', (error) => {
        done(error.message);
      });
      child.once('close', (code, signal) => {
        done(code ?? signal ?? 'unknown');
      });
    });
    try {
      await serial.waitFor(BOOTED, timeoutMs);
      const bootSeconds = (performance.now() - begin) / 1000;
      return new Guest(files, {
        console: serial,
        qmp: await listener.connected,
        bootSeconds,
        exited,
        folder,
        child,
        complaints: () => complaints,
        timeoutMs,
      });
    } catch (error) {
      child.kill('SIGKILL');
      await exited;
      await folder.remove();
      throw error;
    }
  }

  /** The end of QEMU's stderr. */
  get complaints(): string {
    return this.#complaints();
  }

  /** Waits for a console line; see `SerialConsole.waitFor`. */
  waitFor(
    marker: string | RegExp,
    { timeoutMs = this.#timeoutMs, from = 0 } = {},
  ): Promise<string> {
    return this.console.waitFor(marker, timeoutMs, from);
  }

  /** Runs a test script (`end: 'commands'` guests only) and rejects unless it exits with 0. */
  async run(name: string, ...args: string[]): Promise<ScriptResult> {
    return (await this.begin(name, ...args)).finished;
  }

  /** Starts a test script and resolves when it has printed BEGIN, for tests that act while it runs. */
  async begin(
    name: string,
    ...args: string[]
  ): Promise<{ from: number; finished: Promise<ScriptResult> }> {
    await this.waitFor(READY);
    const from = this.console.lines.length;
    this.#send(['run', name, ...args].join(' '));
    await this.waitFor(`BEGIN ${name}`, { from });
    const finished = this.finished(name, from);
    finished.catch(() => {
      /* reported to whoever awaits it */
    });
    return { from, finished };
  }

  /** Sends a line to the script that runs, if it reads the console. */
  say(line: string): void {
    this.#send(line);
  }

  /** Resolves when the named script has ended with 0, looking from console line `from` on. */
  async finished(name: string, from = 0): Promise<ScriptResult> {
    const begin = performance.now();
    const end = new RegExp(`END ${name} rc=(\\d+)`);
    const rc = Number(end.exec(await this.waitFor(end, { from }))?.[1]);
    const lines = this.console.lines.slice(from);
    const first = lines.findIndex((line) => line.includes(`BEGIN ${name}`));
    const output = lines.slice(
      first + 1,
      lines.findIndex((line) => end.test(line)),
    );
    const results = Object.fromEntries(
      output.flatMap((line) => {
        const match = /^RESULT ([^=]+)=(.*)$/.exec(line);
        return match === null ? [] : [[match[1], match[2]]];
      }) as [string, string][],
    ); // both groups are there when the expression matches
    if (rc !== 0)
      throw new Error(
        `${name} failed in the guest (exit code ${rc}):\n${output.map((line) => `    ${line}`).join('\n')}`,
      );
    return { name, rc, seconds: (performance.now() - begin) / 1000, output, results };
  }

  /** Reboots the guest in the same QEMU, on the same device connections; resolves when it takes commands again. */
  async reboot(): Promise<void> {
    await this.waitFor(READY);
    const from = this.console.lines.length;
    this.#send('reboot');
    await this.waitFor(READY, { from });
  }

  /** Takes a device away (QMP `device_del`) and waits until the guest has let go of it. */
  async unplug(id: string): Promise<void> {
    const deleted = this.qmp.waitForEvent(
      'DEVICE_DELETED',
      this.#timeoutMs,
      (data) => data.device === id,
    );
    deleted.catch(() => {
      /* when device_del itself fails, that error is the one to report */
    });
    await this.qmp.execute('device_del', { id });
    await deleted;
  }

  /** Plugs a device in while the guest runs; its root port must have been named at the start. */
  async plug(device: GuestDevice): Promise<void> {
    await this.qmp.execute('device_add', deviceProperties(this.#files, device));
  }

  /** Shuts the guest down from inside and resolves with QEMU's exit code. */
  async poweroff(): Promise<number | string> {
    await this.waitFor(READY);
    this.#send('poweroff');
    await this.waitFor('GUEST poweroff');
    // Its kernel shuts the devices down before QEMU ends by itself.
    const limit = new Promise((resolve) => setTimeout(resolve, POWEROFF_MS).unref());
    await Promise.race([this.exited, limit]);
    return this.end();
  }

  /** Ends QEMU, whatever the guest does, and removes the sockets. May be called more than once. */
  async end(): Promise<number | string> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.qmp.execute('quit').catch(() => {
        /* it may have ended on its own */
      });
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
      }, 5000);
      await this.exited;
      clearTimeout(timer);
    }
    this.qmp.close();
    await this.#folder.remove();
    return this.exited;
  }

  #send(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }
}
