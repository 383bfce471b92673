import { definePciDevice, msix, type PciDeviceDefinition } from '@vfio-user/core';
import { z } from 'zod';

// Registers in BAR0, 32 bits each.
const VALUE = 0x0; //   read: the count; write: set it
const STEP = 0x4; //    write: add this many
const WRAPPED = 0x8; // read: 1 after a wrap; write: acknowledge it

/** What `--set` accepts. */
export interface CounterOptions {
  /** The count stays below it. */
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

  create(host, { modulus }) {
    let value = 0;
    let wrapped = false;

    function setWrapped(state: boolean): void {
      wrapped = state;
      if (host.interrupts.mode === 'msix') {
        if (wrapped) host.interrupts.raise(0); // a message is sent once
      } else {
        host.interrupts.setIntx(wrapped); // a line stays up until the driver acknowledges
      }
    }

    function step(by: number): void {
      const sum = value + by;
      value = sum % modulus;
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
          access: {
            read(offset) {
              if (offset === VALUE) return value;
              if (offset === WRAPPED) return Number(wrapped);
              return 0;
            },
            // Writes elsewhere are ignored, as real hardware does.
            write(offset, _size, written) {
              if (offset === VALUE) value = written % modulus;
              else if (offset === STEP) step(written);
              else if (offset === WRAPPED) setWrapped(false);
            },
          },
        },
      },
      reset() {
        value = 0;
        setWrapped(false);
      },
    };
  },
});
