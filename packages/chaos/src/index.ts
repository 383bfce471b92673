/**
 * What a session does while its link fails, and the judgement of what came of it: for tests whose
 * links are made in another way.
 *
 * @packageDocumentation
 */
export { Random } from './random.js';
export { Tally } from './workloads/tally.js';
export { TestDeviceWork } from './workloads/test-device.js';
