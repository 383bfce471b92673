import {
  type AccessSize,
  type Iova,
  iovaFromHalves,
  type RegisterAccess,
  type ResetKind,
} from '@vfio-user/core';
import type { BurstGenerator } from './burst-generator.js';
import type { DmaEngine } from './dma-engine.js';
import { clampChunk, clampDepth, DEFAULT_CHUNK, DEFAULT_DEPTH } from './dma-request.js';
import type { InterruptUnit } from './interrupt-unit.js';
import * as register from './registers.js';

/** What the registers show and drive. */
export interface ControlledUnits {
  readonly interrupts: InterruptUnit;
  readonly dma: DmaEngine;
  readonly burst: BurstGenerator;
  readonly vectors: number;
  readonly memoryBytes: number;
}

const resetCodes: Readonly<Record<ResetKind, number>> = {
  device: register.RESET_DEVICE,
  'function-level': register.RESET_FUNCTION_LEVEL,
  power: register.RESET_POWER,
  'connection-lost': register.RESET_CONNECTION_LOST,
};

/** Registers that keep what is written, both halves of 64-bit ones. */
const plain: ReadonlySet<number> = new Set([
  register.SCRATCH,
  register.DOORBELL_VECTOR,
  register.DMA_SOURCE,
  register.DMA_SOURCE + 4,
  register.DMA_DESTINATION,
  register.DMA_DESTINATION + 4,
  register.DMA_LENGTH,
  register.DMA_LENGTH + 4,
  register.DMA_CHUNK,
  register.DMA_DEPTH,
  register.DMA_REPEAT,
  register.DMA_PATTERN,
  register.DMA_VECTOR,
  register.BURST_ADDRESS,
  register.BURST_ADDRESS + 4,
  register.BURST_COUNT,
  register.BURST_VECTOR,
  register.BURST_PERIOD,
]);

/** BAR0: see the table in registers.ts. */
export class ControlRegisters implements RegisterAccess {
  readonly #units: ControlledUnits;
  readonly #words = new Uint32Array(register.CONTROL_BYTES / 4);
  #scratchWrites = 0;
  #doorbells = 0;
  #resets = 0;
  #lastReset = 0;

  constructor(units: ControlledUnits) {
    this.#units = units;
    this.#setDefaults();
  }

  read(offset: number, size: AccessSize): number {
    const word = this.#readWord(offset & ~3);
    return size === 4 ? word : (word >>> (8 * (offset & 3))) & (size === 2 ? 0xffff : 0xff);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4) return;
    if (plain.has(offset)) this.#words[offset >> 2] = value;
    switch (offset) {
      case register.SCRATCH:
        this.#scratchWrites = (this.#scratchWrites + 1) >>> 0;
        break;
      case register.DOORBELL:
        this.ringDoorbell();
        break;
      case register.INTERRUPT_STATUS:
        this.#units.interrupts.acknowledge(value);
        break;
      case register.NOTIFY:
        this.#notify(value);
        break;
      case register.DMA_COMMAND:
        this.#commandDma(value);
        break;
      case register.BURST_COMMAND:
        this.#commandBurst(value);
        break;
    }
  }

  /** What a write to DOORBELL does, also when the client signals it by a descriptor. */
  ringDoorbell(): void {
    this.#doorbells = (this.#doorbells + 1) >>> 0;
    this.#units.interrupts.signal(this.#word(register.DOORBELL_VECTOR));
  }

  reset(kind: ResetKind): void {
    this.#resets = (this.#resets + 1) >>> 0;
    this.#lastReset = resetCodes[kind];
    this.#scratchWrites = 0;
    this.#doorbells = 0;
    this.#setDefaults();
  }

  #setDefaults(): void {
    this.#words.fill(0);
    this.#words[register.DMA_CHUNK >> 2] = DEFAULT_CHUNK;
    this.#words[register.DMA_DEPTH >> 2] = DEFAULT_DEPTH;
    this.#words[register.DMA_VECTOR >> 2] = register.NO_VECTOR;
  }

  #word(offset: number): number {
    return this.#words[offset >> 2] as number;
  }

  #readWord(offset: number): number {
    const { interrupts, dma, burst, vectors, memoryBytes } = this.#units;
    switch (offset) {
      case register.ID:
        return register.ID_VALUE;
      case register.VERSION:
        return register.VERSION_VALUE;
      case register.VECTORS:
        return vectors;
      case register.MEMORY_SIZE:
        return memoryBytes;
      case register.SCRATCH_WRITES:
        return this.#scratchWrites;
      case register.DOORBELL_COUNT:
        return this.#doorbells;
      case register.INTERRUPT_STATUS:
        return interrupts.status;
      case register.RESETS:
        return this.#resets;
      case register.LAST_RESET:
        return this.#lastReset;
      case register.DMA_STATUS:
        return dma.status;
      case register.DMA_ERROR:
        return dma.error;
      case register.DMA_CHECKSUM:
        return dma.checksum;
      case register.DMA_OPERATIONS:
        return low(dma.operations);
      case register.DMA_OPERATIONS + 4:
        return high(dma.operations);
      case register.DMA_BYTES:
        return low(dma.bytes);
      case register.DMA_BYTES + 4:
        return high(dma.bytes);
      case register.DMA_NANOSECONDS:
        return low(dma.nanoseconds);
      case register.DMA_NANOSECONDS + 4:
        return high(dma.nanoseconds);
      case register.BURST_STATUS:
        return burst.status;
      case register.BURST_ERROR:
        return burst.error;
      case register.BURST_SENT:
        return burst.sent;
      default:
        return this.#word(offset);
    }
  }

  #notify(event: number): void {
    if (event === register.NOTIFY_ERROR) this.#units.interrupts.reportError();
    else if (event === register.NOTIFY_RELEASE) this.#units.interrupts.requestRelease();
  }

  #commandDma(command: number): void {
    const { dma } = this.#units;
    if (command === register.DMA_CANCEL) {
      dma.cancel();
      return;
    }
    dma.start(
      {
        command,
        source: this.#quad(register.DMA_SOURCE),
        destination: this.#quad(register.DMA_DESTINATION),
        length: Number(this.#quad(register.DMA_LENGTH)),
        chunk: clampChunk(this.#word(register.DMA_CHUNK)),
        depth: clampDepth(this.#word(register.DMA_DEPTH)),
        repeat: Math.max(1, this.#word(register.DMA_REPEAT)),
        pattern: this.#word(register.DMA_PATTERN),
      },
      this.#word(register.DMA_VECTOR),
    );
  }

  #commandBurst(command: number): void {
    const { burst } = this.#units;
    if (command === register.BURST_CANCEL) burst.cancel();
    if (command !== register.BURST_INTERRUPTS && command !== register.BURST_SEQUENCE) return;
    burst.start({
      count: this.#word(register.BURST_COUNT),
      vector: this.#word(register.BURST_VECTOR),
      period: this.#word(register.BURST_PERIOD),
      address: command === register.BURST_SEQUENCE ? this.#quad(register.BURST_ADDRESS) : undefined,
    });
  }

  #quad(offset: number): Iova {
    return iovaFromHalves(this.#word(offset), this.#word(offset + 4));
  }
}

function low(value: number): number {
  return value % 2 ** 32;
}

function high(value: number): number {
  return Math.floor(value / 2 ** 32);
}
