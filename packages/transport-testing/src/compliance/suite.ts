import { readdirSync } from 'node:fs';
import { TransportRegistry } from '@vfio-user/core';
import type { Test } from 'tap';
import type { SessionFixture } from './fixture.js';

/** A flag of the capabilities that a test proves. */
export type Flag = 'fdPassing' | 'sharedMemory' | 'oneSidedMemory' | 'orderedNotifications';

/**
 * What a test can need: a flag, that interrupts arrive, by descriptor or by message, that a session
 * survives its link, or that it is the server of the device that holds it then, not a bridge; or that
 * the device may post its writes.
 */
export type Need = Flag | 'interrupts' | 'resumption' | 'heldByServer' | 'postedDma';

type Body = (t: Test) => Promise<void>;

/** Registers the tests of one fixture: skips what it excludes, and records the capabilities covered. */
export class Suite {
  readonly fixture: SessionFixture;
  readonly registry: TransportRegistry;
  readonly #t: Test;
  readonly #deliversInterrupts: boolean;
  readonly #isPortable: boolean;
  readonly #devicePosts: boolean;
  readonly #titles = new Set<string>();
  readonly #covered = new Set<Need>();

  constructor(t: Test, fixture: SessionFixture) {
    this.#t = t;
    this.fixture = fixture;
    this.registry = new TransportRegistry(fixture.transports);
    this.#isPortable = this.#encodes((fixture.through ?? fixture).address());
    this.#devicePosts = this.#encodes(fixture.address());
    this.#deliversInterrupts = fixture.expected.fdPassing || this.#isPortable;
  }

  has(need: Need): boolean {
    if (need === 'interrupts') return this.#deliversInterrupts;
    if (need === 'resumption') return this.#isPortable;
    if (need === 'heldByServer') return this.#isPortable && !isBridged(this.fixture.through);
    if (need === 'postedDma') return this.#devicePosts;
    return this.fixture.expected[need];
  }

  /** @param needs the test only makes sense with these, and proves those of them that are flags. */
  test(title: string, body: Body): void;
  test(title: string, needs: readonly Need[], body: Body): void;
  test(title: string, ...rest: [Body] | [readonly Need[], Body]): void {
    const [needs, body] = rest.length === 1 ? [[], rest[0]] : rest;
    this.#titles.add(title);
    if (!needs.every((need) => this.has(need))) return;
    const reason = this.fixture.exclusions?.[title];
    if (reason !== undefined) {
      void this.#t.test(title, { skip: reason }, async () => {});
      return;
    }
    for (const need of needs) this.#covered.add(need);
    void this.#t.test(title, body);
  }

  /** Whether connections to `address` have the portable encoding. */
  #encodes(address: string): boolean {
    const { transport, uri } = this.registry.resolve(address);
    return transport.encodingFor?.(uri) === 'portable';
  }

  /** About the suite itself, once all other tests of a transport are there. */
  checkCoverage(): void {
    void this.#t.test('every capability that is on has a test', async (t) => {
      const { fdPassing, sharedMemory, oneSidedMemory, orderedNotifications } =
        this.fixture.expected;
      // Without descriptors, notifications are messages, and ordered because all messages are.
      const flags = {
        fdPassing,
        sharedMemory,
        oneSidedMemory,
        orderedNotifications: orderedNotifications && fdPassing,
      };
      for (const [flag, on] of Object.entries(flags)) {
        if (on) t.ok(this.#covered.has(flag as Flag), flag);
      }
    });
  }

  /** About the suite itself, once all other tests are there. */
  checkExclusions(): void {
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

/** Whether clients reach the device through a bridge, which has sessions of its own. */
export function isBridged(through: SessionFixture['through']): boolean {
  return through !== undefined && through.start === undefined;
}
