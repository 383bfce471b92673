import type { Test } from 'tap';
import type { TransportFixture } from './fixture.js';
import { sessionTests } from './session-compliance.js';
import { Suite } from './suite.js';
import { backPressureTests } from './transport/back-pressure.js';
import { closingTests } from './transport/closing.js';
import { descriptorTests } from './transport/descriptors.js';
import { frameTests } from './transport/frames.js';
import { oneSidedTests } from './transport/one-sided.js';
import { openingTests } from './transport/opening.js';

/**
 * What every transport must do: the contract of `Transport` and `Connection`, and a whole session
 * with a device over it. Capabilities decide which tests apply; nothing else does, except what the
 * fixture excludes with a reason.
 */
export function transportCompliance(t: Test, fixture: TransportFixture): void {
  void t.test(fixture.name, async (group) => {
    const suite = new Suite(group, { ...fixture, transports: [fixture.transport] });
    openingTests(suite, () => fixture.unusedAddress());
    frameTests(suite);
    backPressureTests(suite);
    closingTests(suite);
    descriptorTests(suite);
    oneSidedTests(suite);
    sessionTests(suite);
    suite.checkCoverage();
    suite.checkExclusions();
  });
}
