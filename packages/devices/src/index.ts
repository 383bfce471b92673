import type { PciDeviceDefinition } from '@vfio-user/core';
import { counter } from './counter/index.js';
import { counterRegisterMap } from './counter/register-map.js';
import { gpio } from './gpio/index.js';
import { gpioRegisterMap } from './gpio/register-map.js';
import { nvme } from './nvme/index.js';
import { nvmeRegisterMap } from './nvme/register-map.js';
import type { RegisterMap } from './register-map.js';
import { bench } from './test-device/index.js';
import { benchRegisterMap } from './test-device/register-map.js';

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
export {
  type FoundRegister,
  findRegister,
  type NamedRegister,
  type PciIds,
  type RegisterMap,
} from './register-map.js';
export { sizeOption } from './settings.js';
export { type BenchOptions, bench, benchRegisters } from './test-device/index.js';

/** The devices of this package by the name `vfio-user serve` knows them by. */
export const builtinDevices: ReadonlyMap<string, PciDeviceDefinition<unknown>> = new Map(
  [counter, gpio, nvme, bench].map((definition) => [definition.name, definition]),
);

/** Register names by the same names of devices. */
export const registerMaps: ReadonlyMap<string, RegisterMap> = new Map([
  [counter.name, counterRegisterMap],
  [gpio.name, gpioRegisterMap],
  [nvme.name, nvmeRegisterMap],
  [bench.name, benchRegisterMap],
]);
