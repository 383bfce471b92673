// Runs setup/setup.sh (under a second when everything is cached) and hands its answer on as typed paths.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a guest is started from. All paths but `root` are inside the chroot. */
export interface GuestFiles {
  /** The chroot's folder on the host. */
  readonly root: string;
  readonly qemu: string;
  readonly kernel: string;
  readonly initramfs: string;
}

/** Prepares QEMU and the guest; progress goes to this process's stderr. Rejects when a step failed. */
export async function prepareGuest(): Promise<GuestFiles> {
  const script = fileURLToPath(new URL('../setup/setup.sh', import.meta.url));
  const child = spawn('bash', [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0)
    throw new Error(
      `the set-up failed (exit code ${String(code)}); its messages on stderr say what to do`,
    );
  const values = new Map(
    output.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const value = (name: string): string => {
    const found = values.get(name);
    if (found === undefined) throw new Error(`the set-up did not print ${name}`);
    return found;
  };
  return {
    root: value('root'),
    qemu: value('qemu'),
    kernel: value('kernel'),
    initramfs: value('initramfs'),
  };
}
