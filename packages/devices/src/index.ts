import type { PciDeviceDefinition, RegisterMap } from '@vfio-user/core';
import { counter } from './counter/index.js';
import { gpio } from './gpio/index.js';
import { nvme } from './nvme/index.js';
import { bench } from './test-device/index.js';

export { type CounterOptions, counter } from './counter/index.js';
export { type GpioOptions, gpio, type InputToggle } from './gpio/index.js';
export {
  NVME_ADMIN_OPCODE,
  NVME_COMMAND_BYTES,
  NVME_IO_OPCODE,
  type NvmeOptions,
  nvme,
  nvmeRegisters,
} from './nvme/index.js';
export { sizeOption } from './settings.js';
export { type BenchOptions, bench, benchRegisters } from './test-device/index.js';

/** The devices of this package, by their names in `vfio-user serve`. */
export const builtinDevices: ReadonlyMap<string, PciDeviceDefinition<unknown>> = new Map(
  [counter, gpio, nvme, bench].map((definition) => [definition.name, definition]),
);

/** Their register maps, by the same names. */
export const registerMaps: ReadonlyMap<string, RegisterMap> = new Map(
  Array.from(builtinDevices.values()).flatMap(({ name, registers }) =>
    registers === undefined ? [] : [[name, registers]],
  ),
);
