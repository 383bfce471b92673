// Runs the scripts of setup/ (under a second when everything is cached) and returns what they print as typed values.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Files that a guest is started from. All paths but `root` are inside the chroot. */
export interface GuestFiles {
  /** The chroot's folder on the host. */
  readonly root: string;
  readonly qemu: string;
  readonly kernel: string;
  readonly initramfs: string;
}

/** Prepares QEMU and the guest; progress goes to this process's stderr. Rejects when a step failed. */
export async function prepareGuest(): Promise<GuestFiles> {
  const value = await runSetupScript('setup');
  return {
    root: value('root'),
    qemu: value('qemu'),
    kernel: value('kernel'),
    initramfs: value('initramfs'),
  };
}

/** Its progress goes to this process's stderr. Resolves with a lookup by name; rejects when the script failed. */
export async function runSetupScript(
  name: string,
  args: readonly string[] = [],
): Promise<(value: string) => string> {
  const script = fileURLToPath(new URL(`../setup/${name}.sh`, import.meta.url));
  const { code, output } = await outputOf('bash', [script, ...args]);
  if (code !== 0)
    throw new Error(
      `setup/${name}.sh failed (exit code ${String(code)}); its messages on stderr say what to do`,
    );
  const values = new Map(
    output.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  return (value) => {
    const found = values.get(value);
    if (found === undefined) throw new Error(`setup/${name}.sh did not print ${value}`);
    return found;
  };
}

/** Runs a program to its end; its stderr is this process's. */
export async function outputOf(
  program: string,
  args: readonly string[],
  env = process.env,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/**
 * Prepares the image and resolves with the QEMU arguments that attach it, for `GuestOptions.qemuArguments`. Call it after
 * `prepareGuest`, as `createTestRig` does.
 *
 * @param files more programs, libraries or folders of the host to take along, as absolute paths.
 */
export async function nodeImageArguments(files: readonly string[] = []): Promise<string[]> {
  const image = (await runSetupScript('node-image', files))('image');
  return [
    '-drive',
    `if=none,id=node,file=${image},format=raw,readonly=on`,
    '-device',
    'virtio-blk-pci,drive=node',
  ];
}
