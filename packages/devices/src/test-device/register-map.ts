import { type RegisterMap, registersOf } from '../register-map.js';
import * as register from './registers.js';

const { DMA_SOURCE, DMA_DESTINATION, DMA_LENGTH, BURST_ADDRESS } = register;
const { DMA_OPERATIONS, DMA_BYTES, DMA_NANOSECONDS } = register;

/** Names of the bench device's control registers. */
export const benchRegisterMap: RegisterMap = {
  title: 'bench',
  describes: ({ vendorId, deviceId }) => vendorId === 0x1234 && deviceId === 0xbe4c,
  bars: {
    0: [
      ...registersOf(
        {
          ID: register.ID,
          VERSION: register.VERSION,
          VECTORS: register.VECTORS,
          MEMORY_SIZE: register.MEMORY_SIZE,
          SCRATCH: register.SCRATCH,
          SCRATCH_WRITES: register.SCRATCH_WRITES,
          DOORBELL: register.DOORBELL,
          DOORBELL_VECTOR: register.DOORBELL_VECTOR,
          DOORBELL_COUNT: register.DOORBELL_COUNT,
          INTERRUPT_STATUS: register.INTERRUPT_STATUS,
          RESETS: register.RESETS,
          LAST_RESET: register.LAST_RESET,
          NOTIFY: register.NOTIFY,
          DMA_COMMAND: register.DMA_COMMAND,
          DMA_STATUS: register.DMA_STATUS,
          DMA_ERROR: register.DMA_ERROR,
          DMA_CHECKSUM: register.DMA_CHECKSUM,
          DMA_CHUNK: register.DMA_CHUNK,
          DMA_DEPTH: register.DMA_DEPTH,
          DMA_REPEAT: register.DMA_REPEAT,
          DMA_PATTERN: register.DMA_PATTERN,
          DMA_VECTOR: register.DMA_VECTOR,
          BURST_COMMAND: register.BURST_COMMAND,
          BURST_STATUS: register.BURST_STATUS,
          BURST_ERROR: register.BURST_ERROR,
          BURST_SENT: register.BURST_SENT,
          BURST_COUNT: register.BURST_COUNT,
          BURST_VECTOR: register.BURST_VECTOR,
          BURST_PERIOD: register.BURST_PERIOD,
        },
        4,
      ),
      ...registersOf(
        {
          DMA_SOURCE,
          DMA_DESTINATION,
          DMA_LENGTH,
          DMA_OPERATIONS,
          DMA_BYTES,
          DMA_NANOSECONDS,
          BURST_ADDRESS,
        },
        8,
      ),
    ],
  },
};
