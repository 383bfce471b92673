import { type Finding, found, missing } from '../finding.js';

const OLDEST = [20, 19] as const;

/** Whether this Node.js is new enough. */
export function checkNode(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNewEnough = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  const detail = `${process.versions.node} on ${process.platform} ${process.arch}`;
  const advice = `install Node.js ${OLDEST.join('.')} or newer: https://nodejs.org`;
  return [isNewEnough ? found('node', detail, true) : missing('node', detail, advice, true)];
}
