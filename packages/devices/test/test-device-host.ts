import { type Iova, TestHost, type TestHostOptions } from '@vfio-user/core';
import { TestDeviceDriver } from '@vfio-user/drivers';
import type { Test } from 'tap';
import { bench } from '../src/test-device/index.js';
import { benchRegisters as reg } from '../src/test-device/registers.js';
import { registerPort } from './register-port.js';

/** Bytes of device memory. */
export const MEMORY = 2 ** 20;

/** STATUS of what ended with an error. */
export const FAILED = reg.STATUS_DONE | reg.STATUS_FAILED;

/** Bytes of guest memory, from address 0 on. */
const GUEST_BYTES = 2 ** 20;
const PAGE_BYTES = 4096;

/** What of guest memory is shared: everything, nothing, or every other page. */
export type Sharing = 'shared' | 'messages' | 'both';

/** The device with its driver's view of it. */
export async function createBench(
  t: Test,
  sharing: Sharing = 'shared',
  options: TestHostOptions = {},
) {
  const host = await TestHost.plugIn(bench, { memory: MEMORY, vectors: 32 }, options);
  const { device } = host;
  t.teardown(() => host.close());
  const guest = new Uint8Array(GUEST_BYTES);
  const step = sharing === 'both' ? PAGE_BYTES : GUEST_BYTES;
  for (let at = 0, by = sharing; at < GUEST_BYTES; at += step) {
    if (sharing === 'both') by = (at / PAGE_BYTES) % 2 === 1 ? 'shared' : 'messages';
    host.map(at, guest.subarray(at, at + step), { by: by === 'both' ? 'shared' : by });
  }
  const driver = new TestDeviceDriver(registerPort(host));
  const get = (offset: number): number => host.read(0, offset, 4);
  const set = (offset: number, value: number): void => host.write(0, offset, 4, value);
  const set64 = (offset: number, value: number | bigint): void => {
    set(offset, Number(BigInt(value) & 0xffff_ffffn));
    set(offset + 4, Number(BigInt(value) >> 32n));
  };
  const memory = device.bars?.[2]?.memory?.bytes as Uint8Array;

  /** Registers by their offset are set before. */
  function start(
    command: number,
    { source = 0, destination = 0, length, ...rest }: Operation,
  ): void {
    for (const [register, value] of Object.entries(rest)) set(Number(register), Number(value));
    void driver.startDma({ command, source, destination, length });
  }
  async function run(command: number, operation: Operation): Promise<void> {
    start(command, operation);
    await host.until(() => get(reg.DMA_STATUS) !== reg.STATUS_BUSY, 'the end of the transfer');
  }
  return { host, guest, device, get, set, set64, memory, start, run };
}

interface Operation {
  readonly source?: Iova;
  readonly destination?: Iova;
  readonly length: Iova;
  readonly [register: number]: number;
}
