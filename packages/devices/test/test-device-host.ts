import type { Iova } from '@vfio-user/core';
import { TestDeviceDriver } from '@vfio-user/drivers';
import type { Test } from 'tap';
import { bench } from '../src/test-device/index.js';
import * as reg from '../src/test-device/registers.js';
import { FakeHost, type FakeHostOptions, registersOf, until } from './fake-host.js';
import { registerPort } from './register-port.js';

/** Bytes of device memory. */
export const MEMORY = 2 ** 20;

/** STATUS of what ended with an error. */
export const FAILED = reg.STATUS_DONE | reg.STATUS_FAILED;

/** Of guest memory everything, nothing, or every other page is shared. */
export const bySharedMemory: FakeHostOptions = {};
export const byMessages: FakeHostOptions = { isShared: () => false };
export const byBoth: FakeHostOptions = { isShared: (offset) => (offset >> 12) % 2 === 1 };

/** The device with its driver's view of it. */
export async function createBench(t: Test, options: FakeHostOptions = {}) {
  const host = new FakeHost(options);
  const device = await bench.create(host, { memory: MEMORY, vectors: 32 });
  t.teardown(() => device.close?.());
  const driver = new TestDeviceDriver(registerPort(device));
  const registers = registersOf(device, 0);
  const get = (offset: number): number => registers.read(offset, 4);
  const set = (offset: number, value: number): void => registers.write(offset, 4, value);
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
    await until(() => get(reg.DMA_STATUS) !== reg.STATUS_BUSY);
  }
  return { host, device, registers, get, set, set64, memory, start, run };
}

interface Operation {
  readonly source?: Iova;
  readonly destination?: Iova;
  readonly length: Iova;
  readonly [register: number]: number;
}
