// Runs setup/setup.sh (under a second when everything is cached) and hands its answer on as typed paths.

import { runSetupScript } from './setup-script.js';

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
  const value = await runSetupScript('setup');
  return {
    root: value('root'),
    qemu: value('qemu'),
    kernel: value('kernel'),
    initramfs: value('initramfs'),
  };
}
