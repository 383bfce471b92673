import { LARGEST_TRANSFER } from '@vfio-user/drivers';
import { Calibration } from '../engine/calibration.js';
import type { CaseRunner, WorkDone } from '../engine/contender.js';
import { type Histogram, recordMilliseconds } from '../statistics.js';
import type { DmaArea } from './dma-area.js';

/** What moves in a case of DMA. */
export interface DmaWork {
  readonly direction: 'read' | 'write';
  readonly blockBytes: number;
  readonly depth: number;
  /** The area that is walked through: whole blocks. */
  readonly footprintBytes: number;
}

/** Prepares the data of a case, and checks that it arrived. */
abstract class DmaRunner {
  protected readonly area: DmaArea;
  protected readonly work: DmaWork;
  #isLoaded = false;

  constructor(area: DmaArea, work: DmaWork) {
    this.area = area;
    this.work = work;
  }

  /** What is written stays in the device from round to round: loading it takes as long as a round. */
  async prepare(): Promise<void> {
    const { direction, footprintBytes } = this.work;
    if (this.#isLoaded) {
      this.area.clearTarget(footprintBytes);
      return;
    }
    this.area.fill(footprintBytes);
    if (direction === 'read') return;
    await this.area.load(0, footprintBytes);
    this.#isLoaded = true;
  }

  /** Checks all of the area, so `measure` has to walk through all of it. */
  async verify(): Promise<void> {
    const { direction, footprintBytes } = this.work;
    if (direction === 'read') await this.area.store(0, footprintBytes);
    this.area.verify(footprintBytes);
  }

  protected move(at: number, length: number, repeat: number): Promise<number> {
    const { direction, blockBytes, depth } = this.work;
    const how = { chunk: Math.min(blockBytes, LARGEST_TRANSFER), depth, repeat };
    return direction === 'read'
      ? this.area.load(at, length, how)
      : this.area.store(at, length, how);
  }
}

/** One block after the other, each a command of its own whose time the device tells. */
export class DmaLatency extends DmaRunner implements CaseRunner {
  async measure(milliseconds: number, latencies: Histogram): Promise<WorkDone> {
    const { blockBytes, footprintBytes } = this.work;
    const blocks = footprintBytes / blockBytes;
    const end = performance.now() + milliseconds;
    let operations = 0;
    let total = 0;
    while (operations < blocks || performance.now() < end) {
      const took = await this.move((operations % blocks) * blockBytes, blockBytes, 1);
      recordMilliseconds(latencies, took);
      total += took;
      operations++;
    }
    return { operations, milliseconds: total };
  }
}

/** One command for all blocks. */
export class DmaRate extends DmaRunner implements CaseRunner {
  readonly #calibration: Calibration;

  constructor(area: DmaArea, work: DmaWork) {
    super(area, work);
    const blocks = work.footprintBytes / work.blockBytes;
    this.#calibration = new Calibration(blocks, blocks);
  }

  measure(milliseconds: number): Promise<WorkDone> {
    const { blockBytes, footprintBytes } = this.work;
    const blocks = footprintBytes / blockBytes;
    return this.#calibration.run(milliseconds, (operations) =>
      this.move(0, blocks * blockBytes, operations / blocks),
    );
  }
}
