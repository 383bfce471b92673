import type { PciDeviceDefinition } from '@vfio-user/core';
import { bench } from './bench/index.js';
import { counter } from './counter/index.js';
import { gpio } from './gpio/index.js';
import { nvme } from './nvme/index.js';

export { type BenchOptions, bench, benchRegisters } from './bench/index.js';
export { type CounterOptions, counter } from './counter/index.js';
export { type GpioOptions, gpio, type InputToggle } from './gpio/index.js';
export { type NvmeOptions, nvme } from './nvme/index.js';
export { sizeOption } from './size.js';

/** The devices of this package by the name `vfio-user serve` knows them by. */
export const builtinDevices: ReadonlyMap<string, PciDeviceDefinition<unknown>> = new Map(
  [counter, gpio, nvme, bench].map((definition) => [definition.name, definition]),
);
