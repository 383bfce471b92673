import type { Iova } from '../address.js';
import type { Dma, DmaAccess, DmaRange, WriteOrder } from '../device/dma.js';
import { MappedRange, type RangeSpace } from './mapped-range.js';

type Listener = (iova: Iova, length: number) => void;

/** A {@link RangeSpace} that reports changes of its mappings. */
interface MappedSpace extends RangeSpace {
  onMap(listener: Listener): void;
  onUnmap(listener: Listener): void;
}

/** A device's access to its client's memory. */
export class DeviceDma implements Dma {
  readonly #space: MappedSpace;

  constructor(space: MappedSpace) {
    this.#space = space;
  }

  range(iova: Iova, length: number, mode: DmaAccess): DmaRange {
    return new MappedRange(this.#space, iova, length, mode);
  }

  async read(iova: Iova, target: Uint8Array): Promise<void> {
    await this.range(iova, target.length, 'read').read(target);
  }

  async write(iova: Iova, source: Uint8Array, order?: WriteOrder): Promise<void> {
    await this.range(iova, source.length, 'write').write(source, 0, order);
  }

  cancelWaiting(): void {
    this.#space.access.cancelWaiting();
  }

  onMap(listener: Listener): void {
    this.#space.onMap((iova, length) => listener(iova, length));
  }

  onUnmap(listener: Listener): void {
    this.#space.onUnmap((iova, length) => listener(iova, length));
  }
}
