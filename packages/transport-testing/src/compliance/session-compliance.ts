import type { Test } from 'tap';
import type { SessionFixture } from './fixture.js';
import { clientCheckTests } from './session/client-checks.js';
import { concurrencyTests } from './session/concurrency.js';
import { dmaTests } from './session/dma.js';
import { heldSessionTests } from './session/held-sessions.js';
import { interruptTests } from './session/interrupts.js';
import { lifecycleTests } from './session/lifecycle.js';
import { migrationTests } from './session/migration.js';
import { orderingTests } from './session/ordering.js';
import { postedDmaTests } from './session/posted-dma.js';
import { registerTests } from './session/registers.js';
import { plainSessionTests, resumptionTests } from './session/resumption.js';
import { isBridged, Suite } from './suite.js';

/** What a bridge does differently on purpose. */
const BRIDGE_EXCLUSIONS = {
  'a mapped region is the memory behind the registers': 'a bridge traps every access',
  'a doorbell is rung in place of a register write': 'a bridge offers none',
  'a server that closes ends its clients': 'a bridge keeps them and waits for the device',
};

/** Whole sessions between a client and a device: directly, or through a bridge or a relay. */
export function sessionCompliance(t: Test, fixture: SessionFixture): void {
  void t.test(fixture.name, async (group) => {
    const { through } = fixture;
    const bridged = isBridged(through) ? BRIDGE_EXCLUSIONS : {};
    const exclusions = { ...bridged, ...fixture.exclusions };
    const suite = new Suite(group, { ...fixture, exclusions });
    sessionTests(suite);
    suite.checkExclusions();
  });
}

/** The tests of sessions, as part of a suite. */
export function sessionTests(suite: Suite): void {
  registerTests(suite);
  dmaTests(suite);
  interruptTests(suite);
  orderingTests(suite);
  postedDmaTests(suite);
  concurrencyTests(suite);
  clientCheckTests(suite);
  lifecycleTests(suite);
  resumptionTests(suite);
  plainSessionTests(suite);
  migrationTests(suite);
  heldSessionTests(suite);
}
