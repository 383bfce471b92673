import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { benchRegisters as register } from '@vfio-user/devices';
import {
  GUEST_BASE,
  type Guest,
  LARGEST_TRANSFER,
  type TestDeviceDriver,
} from '@vfio-user/drivers';
import { WrongDataError } from '../errors.js';

/** How a command cuts its transfers, and how often it runs. */
interface Pace {
  readonly chunk: number;
  readonly depth: number;
  readonly repeat: number;
}

/** Of commands that only move test data. */
const COPY: Pace = { chunk: LARGEST_TRANSFER, depth: 4, repeat: 1 };

/** Two areas of guest memory and one of the device: data goes from the first to the last by way of it. */
export class DmaArea {
  readonly #guest: Guest;
  readonly #driver: TestDeviceDriver;
  readonly #bytes: number;

  /** `bytes` of device memory, and twice as many of the guest's. */
  constructor(guest: Guest, driver: TestDeviceDriver, bytes: number) {
    this.#guest = guest;
    this.#driver = driver;
    this.#bytes = bytes;
  }

  /** Other data than before in the first `length` bytes; nothing in those that it goes to. */
  fill(length: number): void {
    fillRandomly(this.#guest.view(0, length));
    this.clearTarget(length);
  }

  clearTarget(length: number): void {
    this.#guest.view(this.#bytes, length).fill(0);
  }

  /** @param at the first byte. @returns milliseconds, as the device counted them. */
  load(at: number, length: number, pace = COPY): Promise<number> {
    const range = { source: GUEST_BASE + at, destination: at, length };
    return this.#driver.timedDma({ command: register.DMA_LOAD, ...range, ...pace });
  }

  store(at: number, length: number, pace = COPY): Promise<number> {
    const range = { source: at, destination: GUEST_BASE + this.#bytes + at, length };
    return this.#driver.timedDma({ command: register.DMA_STORE, ...range, ...pace });
  }

  /** @throws {WrongDataError} unless what arrived is what was sent. */
  verify(length: number): void {
    const sent = crc32(this.#guest.view(0, length));
    const arrived = crc32(this.#guest.view(this.#bytes, length));
    if (sent === arrived) return;
    throw new WrongDataError(
      `${length} bytes went through the device's memory and came back different (CRC-32 ${hex(sent)}, then ${hex(arrived)})`,
    );
  }
}

/** Fill with xorshift numbers: quick, and different each time. */
function fillRandomly({ buffer, byteOffset, length }: Uint8Array): void {
  const words = new Int32Array(buffer, byteOffset, length / 4);
  let word = randomInt(1, 2 ** 31);
  for (let index = 0; index < words.length; index++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[index] = word;
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
