import type { RegisterFile, ResetKind } from '@vfio-user/core';
import type { BurstGenerator } from './burst-generator.js';
import type { DmaEngine } from './dma-engine.js';
import { clampChunk, clampDepth } from './dma-request.js';
import type { InterruptUnit } from './interrupt-unit.js';
import { controlRegisters, benchRegisters as register } from './registers.js';

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

/** BAR0: what its registers show and drive. */
export class ControlRegisters {
  readonly file: RegisterFile<keyof typeof controlRegisters.offsets>;
  readonly #units: ControlledUnits;
  #resets = 0;
  #lastReset = 0;

  constructor(units: ControlledUnits) {
    const { interrupts, dma, burst, vectors, memoryBytes } = units;
    this.#units = units;
    this.file = controlRegisters.create({
      VECTORS: { read: () => vectors },
      MEMORY_SIZE: { read: () => memoryBytes },
      SCRATCH: { write: () => this.#count('SCRATCH_WRITES') },
      DOORBELL: { write: () => this.ringDoorbell() },
      INTERRUPT_STATUS: {
        read: () => interrupts.status,
        write: (bits) => interrupts.acknowledge(bits),
      },
      RESETS: { read: () => this.#resets },
      LAST_RESET: { read: () => this.#lastReset },
      NOTIFY: { write: (event) => this.#notify(event) },
      DMA_COMMAND: { write: (command) => this.#commandDma(command) },
      DMA_STATUS: { read: () => dma.job.status },
      DMA_ERROR: { read: () => dma.job.error },
      DMA_CHECKSUM: { read: () => dma.checksum },
      DMA_OPERATIONS: { read: () => dma.operations },
      DMA_BYTES: { read: () => dma.bytes },
      DMA_NANOSECONDS: { read: () => dma.nanoseconds },
      BURST_COMMAND: { write: (command) => this.#commandBurst(command) },
      BURST_STATUS: { read: () => burst.job.status },
      BURST_ERROR: { read: () => burst.job.error },
      BURST_SENT: { read: () => burst.sent },
    });
  }

  /** What a write to DOORBELL does, also when the client signals it by a descriptor. */
  ringDoorbell(): void {
    this.#count('DOORBELL_COUNT');
    this.#units.interrupts.signal(this.file.get('DOORBELL_VECTOR'));
  }

  reset(kind: ResetKind): void {
    this.#resets = (this.#resets + 1) >>> 0;
    this.#lastReset = resetCodes[kind];
    this.file.reset();
  }

  #count(name: 'SCRATCH_WRITES' | 'DOORBELL_COUNT'): void {
    this.file.set(name, this.file.get(name) + 1);
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
        source: this.file.getIova('DMA_SOURCE'),
        destination: this.file.getIova('DMA_DESTINATION'),
        length: Number(this.file.getIova('DMA_LENGTH')),
        chunk: clampChunk(this.file.get('DMA_CHUNK')),
        depth: clampDepth(this.file.get('DMA_DEPTH')),
        repeat: Math.max(1, this.file.get('DMA_REPEAT')),
        pattern: this.file.get('DMA_PATTERN'),
      },
      this.file.get('DMA_VECTOR'),
    );
  }

  #commandBurst(command: number): void {
    const { burst } = this.#units;
    if (command === register.BURST_CANCEL) burst.cancel();
    if (command !== register.BURST_INTERRUPTS && command !== register.BURST_SEQUENCE) return;
    burst.start({
      count: this.file.get('BURST_COUNT'),
      vector: this.file.get('BURST_VECTOR'),
      period: this.file.get('BURST_PERIOD'),
      address: command === register.BURST_SEQUENCE ? this.file.getIova('BURST_ADDRESS') : undefined,
    });
  }
}
