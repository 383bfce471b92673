import { definePciDevice, type PciDeviceDefinition } from '@vfio-user/core';
import { IdioCard } from './card.js';
import { followInputsFile } from './inputs-file.js';
import { type GpioOptions, gpioOptions } from './options.js';
import { idioPorts, PORTS } from './registers.js';

export type { GpioOptions, InputToggle } from './options.js';

/** ACCES PCI-IDIO-16: 16 outputs and 16 inputs under Linux's driver `gpio-pci-idio-16`. */
export const gpio: PciDeviceDefinition<GpioOptions> = definePciDevice({
  name: 'gpio',
  summary: 'ACCES PCI-IDIO-16: 16 digital outputs, 16 digital inputs',
  options: gpioOptions,
  registers: {
    title: 'PCI-IDIO-16',
    describes: ({ vendorId, deviceId }) => vendorId === 0x494f && deviceId === 0x0dc8,
    bars: { 2: idioPorts },
  },

  create(host, options) {
    const card = new IdioCard(host.interrupts, host.logger, options.inputs, options.loopback);
    const stops: (() => void)[] = [];

    if (options.toggle !== undefined) {
      const { line, periodMs } = options.toggle;
      const timer = setInterval(() => {
        card.inputs ^= 1 << line;
      }, periodMs);
      stops.push(() => clearInterval(timer));
    }
    if (options.file !== undefined) {
      stops.push(
        followInputsFile(options.file, host.logger, (levels) => {
          card.inputs = levels;
        }),
      );
    }

    return {
      identity: {
        vendorId: 0x494f,
        deviceId: 0x0dc8,
        subsystemVendorId: 0x494f,
        subsystemId: 0x0dc8,
        classCode: 0x118000,
      },
      intx: true,
      // BAR0 and BAR1 of the real card belong to its bus bridge; no driver touches them.
      bars: { 2: { kind: 'io', size: PORTS, access: card.ports } },
      reset: () => card.reset(),
      close() {
        for (const stop of stops) stop();
      },
    };
  },
});
