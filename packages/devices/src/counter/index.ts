import { definePciDevice, defineRegisters, msix, type PciDeviceDefinition } from '@vfio-user/core';
import * as z from 'zod';

const registers = defineRegisters({
  VALUE: { offset: 0x0, meaning: 'the count' },
  STEP: { offset: 0x4, access: 'wo', meaning: 'adds this many to the count' },
  WRAPPED: { offset: 0x8, meaning: '1 after a wrap; any write acknowledges it' },
});

/** What `--set` accepts. */
export interface CounterOptions {
  /** The count is kept modulo this. */
  readonly modulus: number;
}

/** The smallest useful device: a counter that interrupts the guest when it wraps. */
export const counter: PciDeviceDefinition<CounterOptions> = definePciDevice({
  name: 'counter',
  summary: 'Tutorial: a counter that interrupts when it wraps',
  options: z.strictObject({
    modulus: z.coerce
      .number()
      .int()
      .min(1)
      .max(2 ** 32)
      .default(1000)
      .describe('the count wraps when it reaches this'),
  }),

  registers: {
    title: 'counter',
    describes: ({ vendorId, deviceId }) => vendorId === 0x1234 && deviceId === 0xc001,
    bars: { 0: registers },
  },

  create(host, { modulus }) {
    const bar0 = registers.create({
      VALUE: { write: (value) => bar0.set('VALUE', value % modulus) },
      STEP: { write: step },
      WRAPPED: { write: () => setWrapped(false) },
    });

    function setWrapped(wrapped: boolean): void {
      bar0.set('WRAPPED', Number(wrapped));
      if (host.interrupts.mode === 'msix') {
        if (wrapped) host.interrupts.raise(0); // a message is sent once
      } else {
        host.interrupts.setIntx(wrapped); // a line stays up until the driver acknowledges
      }
    }

    function step(by: number): void {
      const sum = bar0.get('VALUE') + by;
      bar0.set('VALUE', sum % modulus);
      if (sum >= modulus) setWrapped(true);
    }

    return {
      identity: { vendorId: 0x1234, deviceId: 0xc001, classCode: 0xff0000 },
      intx: true,
      capabilities: [msix({ vectors: 1, table: { bar: 1, offset: 0 } })],
      bars: {
        0: {
          kind: 'memory32',
          size: 4096,
          // What lies beside the registers reads 0 and ignores writes, as real hardware does.
          access: bar0,
        },
      },
      reset() {
        bar0.reset();
        setWrapped(false);
      },
    };
  },
});
