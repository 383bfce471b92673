import { type DeviceClient, Irq } from '@vfio-user/core';
import { Registers } from '@vfio-user/drivers';
import type { Random } from '../random.js';
import { InterruptCount } from './interrupt-count.js';
import type { Tally } from './tally.js';
import type { Workload } from './workload.js';

/** Registers of the counter, in BAR0. */
const VALUE = 0x0;
const STEP = 0x4;

/** The counter's modulus: `--set modulus`. */
export const MODULUS = 1_000;
/** Less than half of it, so that a missing step and one too many can be told apart. */
const LARGEST_STEP = 400;
const MOST_STEPS = 32;

/** Steps of a counter must add up, and each wrap interrupts once. */
export class CounterSteps implements Workload {
  readonly #registers: Registers;
  readonly #client: DeviceClient;
  readonly #tally: Tally;
  readonly #random: Random;
  readonly #wraps: InterruptCount;
  #value = 0;

  private constructor(client: DeviceClient, wraps: InterruptCount, tally: Tally, random: Random) {
    this.#client = client;
    this.#registers = new Registers(client);
    this.#tally = tally;
    this.#random = random;
    this.#wraps = wraps;
  }

  static async open(
    client: DeviceClient,
    tally: Tally,
    random: Random,
    wraps = new InterruptCount('of wraps'),
  ): Promise<CounterSteps> {
    await client.enableInterrupts(Irq.MSIX, 1, (_vector, count) => wraps.signal(count));
    return new CounterSteps(client, wraps, tally, random);
  }

  async round(): Promise<void> {
    const steps = this.#random.between(1, MOST_STEPS);
    for (let i = 0; i < steps; i++) await this.#step(this.#random.between(1, LARGEST_STEP));
    const value = await this.#registers.read32(VALUE);
    this.#tally.operation();
    this.#compare(value);
    await this.#wraps.verify(this.#tally);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #step(by: number): Promise<void> {
    const sum = this.#value + by;
    this.#value = sum % MODULUS;
    if (sum >= MODULUS) this.#wraps.expect(1);
    if (this.#random.between(0, 1) === 0) await this.#registers.write32(STEP, by);
    else if (!this.#registers.post32(STEP, by)) await this.#registers.drained();
    this.#tally.operation();
  }

  #compare(value: number): void {
    if (value === this.#value) return;
    const note = `steps: the count is ${value}, expected ${this.#value}`;
    const half = MODULUS / 2;
    const tooMuch = ((value - this.#value + MODULUS + half) % MODULUS) - half;
    if (tooMuch > 0) this.#tally.repeated(1, note);
    else this.#tally.lost(1, note);
    // It wrapped then, or it did not.
    this.#wraps.expect(Math.floor((this.#value + tooMuch) / MODULUS));
    this.#value = value;
  }
}
