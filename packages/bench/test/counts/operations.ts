import {
  connectDevice,
  type DeviceClient,
  type DeviceServer,
  Region,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, nvme, benchRegisters as register } from '@vfio-user/devices';
import { GUEST_BASE, Guest, InterruptWait, NvmeDriver, TestDeviceDriver } from '@vfio-user/drivers';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import { Disk } from '../../src/workloads/nvme-disk.js';
import { watched } from './counters.js';

/** Something to do again and again. */
export interface Operation {
  readonly run: () => Promise<unknown>;
  /** How often for one figure. */
  readonly times: number;
}

const registry = new TransportRegistry([watched(unixTransport()), watched(tcpTransport())]);
const URIS = { unix: `unix:@vfu-counts-${process.pid}`, tcp: 'tcp://127.0.0.1:0' } as const;
type Scheme = keyof typeof URIS;

const BLOCKS = 64;
const MIB = 2 ** 20;
const POSTED = 32;

/** By the names in the table of what is expected. Device and client are in this process. */
export const operations: Readonly<Record<string, () => Promise<Operation>>> = {
  'region read, unix': () => regionRead('unix'),
  'region read, tcp': () => regionRead('tcp'),
  '32 posted writes and a read, unix': () => postedWrites('unix'),
  '32 posted writes and a read, tcp': () => postedWrites('tcp'),
  'interrupt, unix': () => interrupt('unix'),
  'interrupt, tcp': () => interrupt('tcp'),
  'DMA read of 1 MiB, tcp': () => dma(register.DMA_LOAD),
  'DMA write of 1 MiB, tcp': () => dma(register.DMA_STORE),
  'NVMe read of 4 KiB, mapped': () => nvmeRead('unix', 1, 'mapped'),
  'NVMe read of 4 KiB, unix': () => nvmeRead('unix', 1, 'posted'),
  'NVMe read of 4 KiB, tcp': () => nvmeRead('tcp', 1, 'posted'),
  '32 NVMe reads of 4 KiB at a time, tcp': () => nvmeRead('tcp', 32, 'posted'),
};

async function regionRead(scheme: Scheme): Promise<Operation> {
  const client = await testDevice(scheme);
  return { run: () => client.regionRead(Region.BAR0, register.ID, 4), times: 2000 };
}

async function postedWrites(scheme: Scheme): Promise<Operation> {
  const driver = new TestDeviceDriver(await testDevice(scheme));
  const run = (): Promise<number> => {
    for (let i = 0; i < POSTED; i++) driver.post32(register.SCRATCH, i);
    return driver.read32(register.SCRATCH);
  };
  return { run, times: 200 };
}

/** The write of a register that raises it belongs to it. */
async function interrupt(scheme: Scheme): Promise<Operation> {
  const client = await testDevice(scheme);
  const interrupts = await InterruptWait.enable(client, 1);
  const driver = new TestDeviceDriver(client);
  await driver.write32(register.DOORBELL_VECTOR, 0);
  const run = (): Promise<void> => {
    driver.post32(register.DOORBELL, 1);
    return interrupts.next();
  };
  return { run, times: 1000 };
}

async function dma(command: number): Promise<Operation> {
  const guest = await Guest.plugIn(await testDevice('tcp'), MIB);
  const driver = await TestDeviceDriver.withInterrupt(guest.client);
  const address =
    command === register.DMA_LOAD ? { source: GUEST_BASE } : { destination: GUEST_BASE };
  return { run: () => driver.dma({ command, ...address, length: MIB }), times: 50 };
}

async function nvmeRead(
  scheme: Scheme,
  depth: number,
  doorbells: 'posted' | 'mapped',
): Promise<Operation> {
  const size = String(BLOCKS * NvmeDriver.BLOCK_BYTES);
  const served = doorbells === 'mapped' ? 'mapped' : 'auto';
  const options = nvme.options.parse({ size, doorbells: served });
  const driver = await NvmeDriver.open(await connect(scheme, nvme, options), { doorbells });
  let block = 0;
  // One at a time: the device and its driver take turns in one event loop, which a driver that looks for
  // completions without a pause would not leave.
  if (depth === 1) return { run: () => driver.read(block++ % BLOCKS), times: 1000 };
  const disk = new Disk(driver);
  const run = (): Promise<void> => {
    let next = 0;
    return disk.transfer({ direction: 'read', depth, next: () => (next < depth ? next++ : -1) });
  };
  return { run, times: 30 };
}

function testDevice(scheme: Scheme): Promise<DeviceClient> {
  return connect(scheme, bench, bench.options.parse({}));
}

async function connect<Options>(
  scheme: Scheme,
  definition: Parameters<typeof serve<Options>>[0]['definition'],
  options: Options,
): Promise<DeviceClient> {
  server = await serve({ definition, options, registry, listen: URIS[scheme] });
  return connectDevice(server.uri, { registry });
}

let server: DeviceServer | undefined;

/** Close the device of the latest operation. */
export async function closeDevice(): Promise<void> {
  await server?.close();
}
