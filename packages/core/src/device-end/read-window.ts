import { EBUSY } from '../errno.js';
import { RequestRefusedError } from '../errors.js';

/** Most bytes of reads that are under way to the owner of the memory. */
const MAX_BYTES = 32 * 2 ** 20;
/** Most reads that wait: a device has no more ids for its requests. */
const MAX_WAITING = 0x1_0000;

interface WaitingRead {
  readonly bytes: number;
  readonly read: () => Promise<void>;
}

/**
 * When a device's reads of memory elsewhere begin. Each needs memory for all that it reads, which a
 * device asks for with a few bytes.
 */
export class ReadWindow {
  readonly #waiting = new Set<WaitingRead>();
  #bytes = 0;

  /**
   * Run `read`, which does not fail, now or once there is room.
   * @throws {RequestRefusedError} when too many wait.
   */
  run(bytes: number, read: () => Promise<void>): void {
    if (this.#waiting.size >= MAX_WAITING) {
      throw new RequestRefusedError(EBUSY, `${MAX_WAITING} reads wait already`);
    }
    this.#waiting.add({ bytes, read });
    this.#begin();
  }

  #begin(): void {
    for (const first of this.#waiting) {
      const { bytes, read } = first;
      if (this.#bytes > 0 && this.#bytes + bytes > MAX_BYTES) return;
      this.#waiting.delete(first);
      this.#bytes += bytes;
      void read().then(() => {
        this.#bytes -= bytes;
        this.#begin();
      });
    }
  }
}
