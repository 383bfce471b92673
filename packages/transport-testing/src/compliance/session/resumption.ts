import { setImmediate } from 'node:timers/promises';
import { errno, Irq, Region, type ServerLimits, TransportRegistry } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { TestDeviceDriver } from '@vfio-user/drivers';
import type { Test } from 'tap';
import { BreakableTransport } from '../../faults/breakable-transport.js';
import type { Suite } from '../suite.js';
import { Counts } from './interrupts.js';
import {
  bytesIn,
  dmaModes,
  mapGuest,
  type SessionConnectOptions,
  TestDeviceSession,
  VECTORS,
} from './test-device-session.js';

const BASE = 0x5000_0000;
const LENGTH = 2 ** 20;
const WRITES = 200;
const resumes = ['resumption'] as const;

/** Sessions that go on over another link. */
export function resumptionTests(suite: Suite): void {
  suite.test('each posted write is carried out once while links break', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    for (let i = 1; i <= WRITES; i++) {
      driver.post32(register.SCRATCH, i);
      if (i % 20 === 0) links.break();
      if (i % 7 === 0) await setImmediate();
    }
    t.equal(await driver.read32(register.SCRATCH), WRITES);
    t.equal(await driver.read32(register.SCRATCH_WRITES), WRITES);
  });

  suite.test('each read gets its own answer while links break', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    await driver.client.regionWrite(
      Region.BAR4,
      0,
      Uint8Array.from({ length: 256 }, (_, i) => i),
    );
    for (let turn = 0; turn < 8; turn++) {
      const reads = Array.from({ length: 64 }, (_, i) =>
        driver.client.regionRead(Region.BAR4, i, 1),
      );
      links.break();
      const bytes = (await Promise.all(reads)).map(([byte]) => byte);
      t.same(
        bytes,
        Array.from({ length: 64 }, (_, i) => i),
      );
    }
  });

  suite.test('each interrupt arrives once while links break', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    const counts = await Counts.enable(driver, Irq.MSIX, VECTORS);
    for (let turn = 1; turn <= 16; turn++) {
      for (let vector = 0; vector < VECTORS; vector++) {
        driver.post32(register.DOORBELL_VECTOR, vector);
        driver.post32(register.DOORBELL, 1);
      }
      links.break();
      await counts.until(() => counts.of.every((count) => count >= turn), 'each of them');
      t.same(counts.of, new Array(VECTORS).fill(turn));
    }
  });

  for (const { name, share, needs } of dmaModes) {
    suite.test(
      `DMA by ${name} is complete while links break`,
      ['resumption', ...needs],
      async (t) => {
        const { driver, links } = await openBreakable(t, suite);
        const memory = await mapGuest(driver.client, { address: BASE, length: LENGTH, share });
        for (const pattern of [0x1111_1111, 0x2222_2222, 0x3333_3333]) {
          const fill = { command: register.DMA_FILL_GUEST, pattern, destination: BASE };
          const filled = driver.dma({ ...fill, length: LENGTH, chunk: 16_384 });
          for (let turn = 0; turn < 3; turn++) {
            for (let wait = 0; wait < 10; wait++) await setImmediate();
            links.break();
          }
          t.equal(await filled, 0);
          t.ok(bytesIn(memory, 0, LENGTH).every((byte) => byte === (pattern & 0xff)));
        }
      },
    );
  }

  suite.test('a request that is made without a link waits for one', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    links.unplug();
    driver.post32(register.SCRATCH, 77);
    const read = driver.read32(register.SCRATCH);
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    links.plug();
    t.equal(await read, 77);
  });

  suite.test(
    'without a link in time the session ends and the device is reset',
    ['heldByServer'],
    async (t) => {
      const { session, driver, links } = await openBreakable(t, suite, { holdMs: 50 });
      await driver.write32(register.SCRATCH, 5);
      links.unplug();
      const read = driver.read32(register.SCRATCH);
      read.catch(() => {});
      t.match(await driver.client.closed, { code: 'VFU_PEER_CLOSED' });
      await t.rejects(read, { code: 'VFU_PEER_CLOSED' });
      await session.idle();
      const next = await session.connect();
      t.equal(await next.read32(register.SCRATCH), 0);
      t.equal(await next.read32(register.LAST_RESET), register.RESET_CONNECTION_LOST);
    },
  );
}

/** Clients that ask for a session that ends with its connection. */
export function plainSessionTests(suite: Suite): void {
  suite.test('a session that is not to survive its link ends with it', resumes, async (t) => {
    const { session, driver, links } = await openBreakable(t, suite, {}, { resumes: false });
    t.equal(driver.client.holdMs, 60_000, 'the server would keep it');
    links.break();
    t.ok(await driver.client.closed);
    await session.idle();
    t.match(session.server.statistics(), { heldSessions: 0, linkInterruptions: 0 });
  });

  suite.test(
    'such a client does not take the place of a held session',
    ['heldByServer'],
    async (t) => {
      const { session, driver, links } = await openBreakable(t, suite, { busyTimeoutMs: 1 });
      await driver.write32(register.SCRATCH, 5);
      links.unplug();
      while (session.server.statistics().heldSessions !== 1) await setImmediate();
      const error = await session.connect({ resumes: false }).catch((cause) => cause);
      t.match(error, { errno: errno.EBUSY, message: /held for .*, whose link is lost, until/ });
      links.plug();
      t.equal(await driver.read32(register.SCRATCH), 5, 'which goes on');
    },
  );
}

/** A session whose client's links break when the test says so. */
export interface BreakableSession {
  readonly session: TestDeviceSession;
  readonly driver: TestDeviceDriver;
  readonly links: BreakableTransport;
}

export async function openBreakable(
  t: Test,
  suite: Suite,
  limits: Partial<ServerLimits> = {},
  options: SessionConnectOptions = {},
): Promise<BreakableSession> {
  const session = await TestDeviceSession.open(t, suite, limits);
  const { transport } = suite.registry.resolve(session.uri);
  const links = new BreakableTransport(transport);
  const driver = await session.connect({ ...options, registry: new TransportRegistry([links]) });
  t.teardown(() => links.plug());
  return { session, driver, links };
}
