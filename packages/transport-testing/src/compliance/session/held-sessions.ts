import { setImmediate } from 'node:timers/promises';
import { Irq } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { Suite } from '../suite.js';
import { openBreakable } from './resumption.js';
import { VECTORS } from './test-device-session.js';

const resumes = ['resumption'] as const;
const GONE = new Error('the client has had enough');
const RESUMES = 30;

/** Whose a session is while it has no link, and what ends it. */
export function heldSessionTests(suite: Suite): void {
  suite.test(
    'a new session of the same peer takes the place of one without a link',
    resumes,
    async (t) => {
      const { session, driver, links } = await openBreakable(t, suite);
      await driver.write32(register.SCRATCH, 5);
      links.unplug();
      const next = await session.connect();
      t.equal(await next.read32(register.SCRATCH), 0, 'of a device that was reset');
      links.plug();
      t.match(await driver.client.closed, { code: 'VFU_PEER_CLOSED' });
      await next.write32(register.SCRATCH, 6);
      t.equal(await next.read32(register.SCRATCH), 6, 'undisturbed');
    },
  );

  suite.test('a client comes back although its old link looks alive', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    await driver.write32(register.SCRATCH, 5);
    for (let turn = 1; turn <= 4; turn++) {
      t.teardown(links.strand());
      links.plug();
      driver.post32(register.SCRATCH, 5 + turn);
      t.equal(await driver.read32(register.SCRATCH), 5 + turn);
    }
    t.equal(await driver.read32(register.SCRATCH_WRITES), 5);
  });

  suite.test('of links that race the newest has the session', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    for (let turn = 1; turn <= 30; turn++) {
      driver.post32(register.SCRATCH, turn);
      t.teardown(links.strand());
      links.plug();
      for (let wait = 0; wait < turn; wait++) await setImmediate();
    }
    t.equal(await driver.read32(register.SCRATCH), 30);
    t.equal(await driver.read32(register.SCRATCH_WRITES), 30);
  });

  suite.test(
    'a machine that lost power gets in again although its old link looks alive',
    resumes,
    async (t) => {
      const { session, driver, links } = await openBreakable(t, suite);
      await driver.write32(register.SCRATCH, 5);
      t.teardown(links.strand());
      const next = await session.connect();
      t.equal(await next.read32(register.SCRATCH), 0, 'of a device that was reset');
      links.plug();
      t.match(await driver.client.closed, { message: /the session is lost/ });
      await next.write32(register.SCRATCH, 6);
      t.equal(await next.read32(register.SCRATCH), 6, 'undisturbed');
    },
  );

  suite.test('a reset is carried out once while links break', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    for (let turn = 1; turn <= 8; turn++) {
      const reset = driver.client.reset();
      links.break();
      await reset;
      t.equal(await driver.read32(register.RESETS), turn);
    }
  });

  suite.test('what was posted without a link is carried out before the end', resumes, async (t) => {
    const { session, driver, links } = await openBreakable(t, suite);
    await driver.write32(register.SCRATCH, 5);
    links.unplug();
    driver.post32(register.SCRATCH, 6);
    const closing = driver.client.close();
    links.plug();
    await closing;
    t.equal(await driver.client.closed, undefined, 'in order');
    await session.idle();
  });

  suite.test('an aborted client does not wait for a link', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    links.unplug();
    const read = driver.read32(register.SCRATCH);
    driver.client.connection.abort(GONE);
    t.equal(await driver.client.closed, GONE);
    await t.rejects(read, { code: 'VFU_PEER_CLOSED', message: /had enough/ });
  });

  suite.test(
    'a server that holds nothing ends a session with its link',
    ['heldByServer'],
    async (t) => {
      const { session, driver, links } = await openBreakable(t, suite, { holdMs: 0 });
      await driver.write32(register.SCRATCH, 5);
      links.break();
      await driver.client.closed;
      await session.idle();
      const next = await session.connect();
      t.equal(await next.read32(register.LAST_RESET), register.RESET_CONNECTION_LOST);
    },
  );

  suite.test('a server that closes holds no session', ['heldByServer'], async (t) => {
    const { session, driver, links } = await openBreakable(t, suite);
    await driver.write32(register.SCRATCH, 5);
    links.unplug();
    await session.server.close();
    await session.server.closed;
    t.equal(session.server.statistics().client, 'none');
    driver.client.connection.abort(GONE);
  });

  suite.test('links that come and go leave nothing open', resumes, async (t) => {
    const { driver, links } = await openBreakable(t, suite);
    if (suite.has('interrupts')) await driver.client.enableInterrupts(Irq.MSIX, VECTORS, () => {});
    const cut = async (): Promise<void> => {
      driver.post32(register.SCRATCH, 1);
      links.break();
      await driver.read32(register.SCRATCH);
    };
    await cut();
    const handles = suite.openHandles();
    const resources = process.getActiveResourcesInfo().length;
    for (let i = 0; i < RESUMES; i++) await cut();
    t.equal(await driver.read32(register.SCRATCH_WRITES), RESUMES + 1);
    t.ok(suite.openHandles() <= handles + SLACK, 'descriptors');
    t.ok(process.getActiveResourcesInfo().length <= resources + SLACK, 'timers');
  });
}

/** What one link that is just ending may still have. */
const SLACK = 8;
