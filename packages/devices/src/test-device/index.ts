import {
  definePciDevice,
  deviceSerialNumber,
  msi,
  msix,
  type PciDeviceDefinition,
  pciExpress,
  powerManagement,
  vendorSpecific,
} from '@vfio-user/core';
import { BurstGenerator } from './burst-generator.js';
import { ControlRegisters } from './control-registers.js';
import { DmaEngine } from './dma-engine.js';
import { InterruptUnit } from './interrupt-unit.js';
import { mappableAreas, ScratchMemory } from './memory.js';
import { type BenchOptions, benchOptions } from './options.js';
import { benchRegisters, controlRegisters } from './registers.js';

export type { BenchOptions } from './options.js';
export { benchRegisters } from './registers.js';

const PORT_BYTES = 64;
const TRAPPED_BYTES = 2 ** 16;
const SERIAL_NUMBER = 0x7666_696f_2d75_7365n;

/**
 * A device to measure and to test transports with.
 *
 * | BAR | kind                   | behind it                                                      |
 * | --- | ---------------------- | -------------------------------------------------------------- |
 * | 0   | memory, 32 bits        | control registers: see {@link benchRegisters}                  |
 * | 1   | I/O                    | 64 bytes that keep what is written                             |
 * | 2   | memory, 64 bits, prefetchable | device memory; mappable but for its second quarter      |
 * | 4   | memory, 32 bits        | 64 KiB that keep what is written, always trapped               |
 * | 5   | memory, 32 bits        | MSI-X table and pending bits                                   |
 */
export const bench: PciDeviceDefinition<BenchOptions> = definePciDevice({
  name: 'bench',
  summary: 'Measurements and tests: BARs of every kind, DMA engine, interrupt generator',
  options: benchOptions,
  registers: {
    title: 'bench',
    describes: ({ vendorId, deviceId }) => vendorId === 0x1234 && deviceId === 0xbe4c,
    bars: { 0: controlRegisters },
  },

  create(host, { memory: memoryBytes, vectors }) {
    const memory = host.allocateDeviceMemory('bench-memory', memoryBytes);
    const ports = new ScratchMemory(PORT_BYTES);
    const trapped = new ScratchMemory(TRAPPED_BYTES);
    const interrupts = new InterruptUnit(host.interrupts, vectors);
    const dma = new DmaEngine(host.dma, memory.bytes, interrupts, host.logger);
    const burst = new BurstGenerator(host.dma, interrupts, host.logger);
    const registers = new ControlRegisters({ interrupts, dma, burst, vectors, memoryBytes });

    return {
      identity: { vendorId: 0x1234, deviceId: 0xbe4c, revisionId: 1, classCode: 0xff0000 },
      intx: true,
      capabilities: [
        powerManagement(),
        msi({ vectors: 32 }),
        msix({ vectors, table: { bar: 5, offset: 0 } }),
        vendorSpecific({ data: new TextEncoder().encode('bench') }),
        pciExpress({ functionLevelReset: true }),
        deviceSerialNumber(SERIAL_NUMBER),
      ],
      bars: {
        0: {
          kind: 'memory32',
          size: benchRegisters.CONTROL_BYTES,
          access: registers.file,
          ioEvents: [
            {
              offset: controlRegisters.offsets.DOORBELL,
              size: 4,
              onSignal: () => registers.ringDoorbell(),
            },
          ],
        },
        1: { kind: 'io', size: PORT_BYTES, access: ports },
        2: {
          kind: 'memory64',
          prefetchable: true,
          size: memoryBytes,
          access: memory,
          memory,
          mappable: mappableAreas(memoryBytes),
        },
        4: { kind: 'memory32', size: TRAPPED_BYTES, access: trapped },
      },
      reset(kind) {
        dma.reset();
        burst.reset();
        interrupts.acknowledge(0xffff_ffff);
        registers.reset(kind);
        for (const { bytes } of [memory, ports, trapped]) bytes.fill(0);
      },
      close() {
        dma.reset();
        burst.reset();
        memory.close();
      },
    };
  },
});
