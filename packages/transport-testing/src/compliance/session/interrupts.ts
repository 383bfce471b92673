import { Irq, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { TestDeviceDriver } from '@vfio-user/drivers';
import type { Suite } from '../suite.js';
import { Waiter } from '../waiter.js';
import { openTestDevice, VECTORS } from './test-device-session.js';

const interrupts = ['interrupts'] as const;

/** Interrupts from the device, doorbells to it. */
export function interruptTests(suite: Suite): void {
  for (const [name, index] of [
    ['MSI-X', Irq.MSIX],
    ['MSI', Irq.MSI],
  ] as const) {
    suite.test(`${name} vectors are told apart`, interrupts, async (t) => {
      const driver = await openTestDevice(t, suite);
      const counts = await Counts.enable(driver, index, VECTORS);
      for (let vector = VECTORS - 1; vector >= 0; vector--) {
        await driver.ring(vector);
        await counts.until(() => counts.of[vector] === 1, `vector ${vector}`);
      }
      t.same(counts.of, new Array(VECTORS).fill(1));
      await driver.client.disableInterrupts(index);
      await driver.ring(0);
      await driver.read32(register.ID);
      t.equal(counts.of[0], 1, 'nothing after it was switched off');
    });
  }

  suite.test('INTx waits for the end of interrupt', interrupts, async (t) => {
    const driver = await openTestDevice(t, suite);
    const counts = await Counts.enable(driver, Irq.INTX, 1);
    const errors = await Counts.enable(driver, Irq.ERR, 1);
    await driver.ring(0);
    await counts.until(() => counts.of[0] === 1, 'the interrupt');
    await driver.ring(1);
    await driver.write32(register.NOTIFY, register.NOTIFY_ERROR);
    await errors.until(() => errors.of[0] === 1, 'a later notification');
    t.equal(counts.of[0], 1, 'masked until the end of interrupt');
    await driver.client.unmaskInterrupt(Irq.INTX);
    await counts.until(() => counts.of[0] === 2, 'the interrupt that is still asserted');
    await driver.write32(register.INTERRUPT_STATUS, 0xffff_ffff);
    await driver.client.unmaskInterrupt(Irq.INTX);
    await driver.write32(register.NOTIFY, register.NOTIFY_ERROR);
    await errors.until(() => errors.of[0] === 2, 'a later notification');
    t.equal(counts.of[0], 2, 'acknowledged: no more');
  });

  suite.test('a line that is high before it is wired up is told of', interrupts, async (t) => {
    const driver = await openTestDevice(t, suite);
    await driver.ring(0);
    const counts = await Counts.enable(driver, Irq.INTX, 1);
    await counts.until(() => counts.of[0] === 1, 'the interrupt');
    await driver.client.unmaskInterrupt(Irq.INTX);
    await counts.until(() => counts.of[0] === 2, 'the level that is still high');
    t.equal(counts.of[0], 2);
  });

  suite.test(
    'vectors that are pending when they are wired up are told of',
    interrupts,
    async (t) => {
      const driver = await openTestDevice(t, suite);
      await Counts.enable(driver, Irq.MSIX, 1);
      for (let vector = 1; vector < VECTORS; vector++) await driver.ring(vector);
      const counts = await Counts.enable(driver, Irq.MSIX, VECTORS);
      const pending = (): boolean => counts.of.slice(1).every((count) => count === 1);
      await counts.until(pending, 'each of them');
      t.same(counts.of, [0, 1, 1, 1, 1, 1, 1, 1]);
    },
  );

  suite.test('the device reports errors and asks for its release', interrupts, async (t) => {
    const driver = await openTestDevice(t, suite);
    const errors = await Counts.enable(driver, Irq.ERR, 1);
    const requests = await Counts.enable(driver, Irq.REQ, 1);
    await driver.write32(register.NOTIFY, register.NOTIFY_ERROR);
    await errors.until(() => errors.of[0] === 1, 'the error');
    await driver.write32(register.NOTIFY, register.NOTIFY_RELEASE);
    await requests.until(() => requests.of[0] === 1, 'the request');
    t.same([errors.of, requests.of], [[1], [1]]);
  });

  suite.test('a doorbell is rung in place of a register write', interrupts, async (t) => {
    const driver = await openTestDevice(t, suite);
    const counts = await Counts.enable(driver, Irq.MSIX, VECTORS);
    await driver.write32(register.DOORBELL_VECTOR, 3);
    const doorbells = await driver.client.doorbells(Region.BAR0);
    t.match(doorbells, [{ offset: register.DOORBELL, size: 4 }]);
    doorbells[0]!.ring();
    await counts.until(() => counts.of[3] === 1, 'the interrupt of the doorbell');
    t.equal(await driver.read32(register.DOORBELL_COUNT), 1);
    doorbells[0]!.close();
    t.same(await driver.client.doorbells(Region.BAR4), [], 'a region without any');
  });
}

/** Counts the interrupts of one index. */
export class Counts {
  readonly of: number[];
  readonly #waiter = new Waiter();

  private constructor(vectors: number) {
    this.of = new Array(vectors).fill(0);
  }

  static async enable(
    { client }: TestDeviceDriver,
    index: number,
    vectors: number,
  ): Promise<Counts> {
    const counts = new Counts(vectors);
    await client.enableInterrupts(index, vectors, (vector, count) => counts.#add(vector, count));
    return counts;
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return this.#waiter.until(condition, what);
  }

  #add(vector: number, count: number): void {
    this.of[vector]! += count;
    this.#waiter.changed();
  }
}
