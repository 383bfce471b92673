// Guests with RDMA in software: RoCE (the kernel's rdma_rxe) over a virtio network card. guest/rdma.sh makes the device.

import type { Guest } from './guest.js';
import type { GuestOptions } from './guest-options.js';
import { nodeImageArguments, runSetupScript } from './setup.js';
import { insideRoot } from './socket-folder.js';
import type { OpenTestRig } from './test-rig.js';

/** A network card: its number makes its hardware address, `cable` is its back-end in QEMU. */
interface Card {
  readonly number: number;
  readonly cable: string;
}

/** Starts a guest whose RDMA device, once a script has called `rdma_start`, reaches itself. */
export async function bootRdmaGuest(
  bench: OpenTestRig,
  options: GuestOptions = {},
): Promise<Guest> {
  const [card] = newCards(bench);
  return bench.boot(withRdma(options, await diskArguments(), card));
}

/** Starts two guests whose network cards are joined by a cable. */
export async function bootRdmaPair(
  bench: OpenTestRig,
  options: GuestOptions = {},
): Promise<[Guest, Guest]> {
  const disks = await diskArguments();
  const [one, two] = newCards(bench);
  return Promise.all([
    bench.boot(withRdma(options, disks, one)),
    bench.boot(withRdma(options, disks, two)),
  ]);
}

/** The ends of a cable of datagram sockets. What is sent to an end that nobody has is lost. */
function newCards(bench: OpenTestRig): [Card, Card] {
  const end = (): string => insideRoot(bench.files, bench.newSocket('cable'));
  const [near, far] = [end(), end()];
  const cable = (local: string, remote: string): string =>
    `dgram,id=cable,local.type=unix,local.path=${local},remote.type=unix,remote.path=${remote}`;
  return [
    { number: 1, cable: cable(near, far) },
    { number: 2, cable: cable(far, near) },
  ];
}

/** The disks that guest/rdma.sh mounts, in its order. */
async function diskArguments(): Promise<string[]> {
  const node = await nodeImageArguments();
  const image = (await runSetupScript('rdma-image'))('image');
  const rdma = `if=none,id=rdma,file=${image},format=raw,readonly=on`;
  return [...node, '-drive', rdma, '-device', 'virtio-blk-pci,drive=rdma'];
}

function withRdma(options: GuestOptions, disks: readonly string[], card: Card): GuestOptions {
  const device = `virtio-net-pci,netdev=cable,mac=52:54:00:00:00:0${card.number},romfile=`;
  const network = ['-netdev', card.cable, '-device', device];
  return {
    ...options,
    qemuArguments: [...disks, ...network, ...(options.qemuArguments ?? [])],
  };
}
