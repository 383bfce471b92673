import { readdirSync } from 'node:fs';
import { TransportRegistry } from '@vfio-user/core';
import type { Test } from 'tap';
import type { TransportFixture } from './fixture.js';

/** A flag of the capabilities that a test proves. */
export type Flag = 'fdPassing' | 'sharedMemory' | 'orderedNotifications';

export interface TestNeeds {
  /** The test only makes sense with these flags on, and proves them. */
  readonly needs?: readonly Flag[];
}

/** Collects the tests of one fixture: leaves out what it excludes, and minds what was covered. */
export class Suite {
  readonly fixture: TransportFixture;
  readonly registry: TransportRegistry;
  readonly #t: Test;
  readonly #titles = new Set<string>();
  readonly #covered = new Set<Flag>();

  constructor(t: Test, fixture: TransportFixture) {
    this.#t = t;
    this.fixture = fixture;
    this.registry = new TransportRegistry([fixture.transport]);
  }

  test(title: string, { needs = [] }: TestNeeds, body: (t: Test) => Promise<void>): void {
    this.#titles.add(title);
    if (needs.some((flag) => !this.fixture.expected[flag])) return;
    const reason = this.fixture.exclusions?.[title];
    if (reason !== undefined) {
      void this.#t.test(title, { skip: reason }, async () => {});
      return;
    }
    for (const flag of needs) this.#covered.add(flag);
    void this.#t.test(title, body);
  }

  /** The last tests: about the suite itself. */
  finish(): void {
    void this.#t.test('every capability that is on has a test', async (t) => {
      const { fdPassing, sharedMemory, orderedNotifications } = this.fixture.expected;
      // Without descriptors, notifications are messages, and ordered because all messages are.
      const flags = {
        fdPassing,
        sharedMemory,
        orderedNotifications: orderedNotifications && fdPassing,
      };
      for (const [flag, on] of Object.entries(flags)) {
        if (on) t.ok(this.#covered.has(flag as Flag), flag);
      }
    });
    void this.#t.test('every exclusion names a test', async (t) => {
      for (const title of Object.keys(this.fixture.exclusions ?? {})) {
        t.ok(this.#titles.has(title), title);
      }
    });
  }

  /** Descriptors of this process that are open now. */
  openHandles(): number {
    return this.fixture.openHandles?.() ?? readdirSync('/proc/self/fd').length;
  }
}
