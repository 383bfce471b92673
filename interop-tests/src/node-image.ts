// A disk for guests with Node, our built packages and the programs of src/in-guest. guest/lib.sh mounts it.

import { runSetupScript } from './setup-script.js';

/**
 * Prepares the image and resolves with the QEMU arguments that attach it, for `GuestOptions.qemuArguments`. Call it after
 * `prepareGuest`, as `createTestBench` does.
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
