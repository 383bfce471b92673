import { checkDescriptorPassing } from './checks/descriptor-passing.js';
import { checkHugepages } from './checks/hugepages.js';
import { checkMemorySealing } from './checks/memory-sealing.js';
import { checkNode } from './checks/node.js';
import { checkQemu } from './checks/qemu.js';
import { checkRdma } from './checks/rdma.js';
import { checkVsock } from './checks/vsock.js';
import type { Check, Finding } from './finding.js';

const CHECKS: readonly Check[] = [
  checkNode,
  checkDescriptorPassing,
  checkMemorySealing,
  checkRdma,
  checkVsock,
  checkQemu,
  checkHugepages,
];

/** Run every check, one after the other, and list what they found. */
export async function runChecks(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of CHECKS) findings.push(...(await check()));
  return findings;
}
