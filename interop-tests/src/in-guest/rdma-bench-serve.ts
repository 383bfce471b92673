// rdma-bench-serve URI...: serves a device at each that measures its DMA as soon as it has guest memory. Prints a result for
// each figure: microseconds of a transfer of 4 KiB, MiB a second of transfers of 1 MiB.

import {
  type Dma,
  definePciDevice,
  type Iova,
  msix,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { parseUri } from '@vfio-user/core/transport';
import { rdmaTransport } from '@vfio-user/transport-rdma';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { z } from 'zod';

const SMALL = 4096;
const LARGE = 2 ** 20;
const WARM_UP = 3000;
const SMALL_TRANSFERS = 1000;
const LARGE_TRANSFERS = 48;
/** Large transfers under way at once. */
const DEPTH = 4;

type Copy = (address: Iova, bytes: Uint8Array) => Promise<void>;

/** Of transfers one after the other, in microseconds. */
interface Latency {
  readonly typical: number;
  readonly average: number;
}

async function latency(copy: Copy, address: Iova): Promise<Latency> {
  const bytes = new Uint8Array(SMALL);
  const times = new Float64Array(SMALL_TRANSFERS);
  for (let i = 0; i < WARM_UP; i++) await copy(address, bytes);
  const start = performance.now();
  for (let i = 0; i < SMALL_TRANSFERS; i++) {
    const begin = performance.now();
    await copy(address, bytes);
    times[i] = performance.now() - begin;
  }
  const average = (1000 * (performance.now() - start)) / SMALL_TRANSFERS;
  return { typical: 1000 * (times.sort()[SMALL_TRANSFERS / 2] as number), average };
}

/** MiB a second of several transfers at a time. */
async function rate(copy: Copy, address: Iova): Promise<number> {
  let left = LARGE_TRANSFERS;
  const work = async (): Promise<void> => {
    const bytes = new Uint8Array(LARGE);
    while (left-- > 0) await copy(address, bytes);
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: DEPTH }, work));
  return (1000 * LARGE_TRANSFERS) / (performance.now() - begin);
}

async function measure(dma: Dma, label: string, address: Iova): Promise<void> {
  const read: Copy = (from, bytes) => dma.read(from, bytes);
  const write: Copy = (to, bytes) => dma.write(to, bytes);
  const print = (name: string, value: number): void => {
    process.stdout.write(`RESULT ${label}_${name}=${value.toFixed(1)}\n`);
  };
  // As perftest has them: of reads the typical time, of writes until their completion the average.
  print('read_us', (await latency(read, address)).typical);
  print('write_us', (await latency(write, address)).average);
  print('read_rate', await rate(read, address));
  print('write_rate', await rate(write, address));
}

const gauge = definePciDevice({
  name: 'gauge',
  summary: 'Measures its DMA, and interrupts when it is done',
  options: z.strictObject({ label: z.string() }),
  create({ dma, interrupts }, { label }) {
    dma.onMap((address) => {
      // Not before the client has been told of the mapping.
      setImmediate(async () => {
        await measure(dma, label, address);
        interrupts.raise(0);
      });
    });
    return {
      identity: { vendorId: 0x1234, deviceId: 0xbe4d, classCode: 0xff0000 },
      capabilities: [msix({ vectors: 1, table: { bar: 0, offset: 0 } })],
      reset() {},
    };
  },
});

const tcp = tcpTransport({ insecure: true });
const registry = new TransportRegistry([tcp, rdmaTransport({ bootstrap: tcp })]);
for (const listen of process.argv.slice(2)) {
  const label = parseUri(listen).protocol.slice(0, -1);
  await serve({ definition: gauge, options: { label }, registry, listen });
}
process.stdout.write('SERVING\n');
