import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import {
  canUseAead,
  streamSocket,
  systemNames,
  systemText,
  unavailableReason,
} from '@vfio-user/posix-ffi';
import { type Check, type Finding, found, missing } from './finding.js';
import { checkRdma } from './rdma.js';
import { checkDescriptorPassing, checkMemorySealing } from './shared-memory.js';

const CHECKS: readonly Check[] = [
  checkNode,
  checkDescriptorPassing,
  checkMemorySealing,
  checkRdma,
  checkVsock,
  checkTls,
  checkQemu,
  checkHugepages,
];

/** Run every check, one after the other, and list what they found. */
export async function runChecks(): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of CHECKS) findings.push(...(await check()));
  return findings;
}

const OLDEST_NODE = [20, 19] as const;

/** Whether this Node.js is new enough. */
function checkNode(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNewEnough =
    major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const detail = `${process.versions.node} on ${process.platform} ${process.arch}`;
  const advice = `install Node.js ${OLDEST_NODE.join('.')} or newer: https://nodejs.org`;
  return [isNewEnough ? found('node', detail, true) : missing('node', detail, advice, true)];
}

const AF_VSOCK = 40;
const VSOCK_ADVICE =
  'on a host: modprobe vhost_vsock; in a guest: give it a vhost-vsock-pci device';

/** AF_VSOCK sockets, on the side of a host and of a guest. */
function checkVsock(): Finding[] {
  const reason = unavailableReason() ?? socketFault();
  if (reason !== undefined) return [missing('vsock', reason, VSOCK_ADVICE)];
  if (!existsSync('/dev/vsock')) return [missing('vsock', 'no /dev/vsock', VSOCK_ADVICE)];
  const role = existsSync('/dev/vhost-vsock') ? ', can be a host (/dev/vhost-vsock)' : '';
  return [found('vsock', `AF_VSOCK sockets and /dev/vsock${role}`)];
}

function socketFault(): string | undefined {
  try {
    streamSocket(AF_VSOCK).close();
    return undefined;
  } catch (error) {
    return `no AF_VSOCK socket: ${(error as Error).message}`;
  }
}

const TLS_ADVICE =
  'tls: works, and Node does all of it, which is slower; Node.js of nodejs.org and of distributions lets others call its OpenSSL';

/** Whether records of TLS can be read from the kernel's socket and decrypted straight to where they go. */
function checkTls(): Finding[] {
  const { openssl } = process.versions;
  if (canUseAead())
    return [found('tls', `records by OpenSSL ${openssl}, on sockets of the kernel`)];
  const reason = unavailableReason() ?? `OpenSSL ${openssl} of this Node cannot be called`;
  return [missing('tls', reason, TLS_ADVICE)];
}

const QEMU = 'qemu-system-x86_64';
const QEMU_ADVICE =
  'install QEMU 10.1 or newer (Debian: qemu-system-x86 from backports); `npm run test:interop` sets up one of its own';

/** QEMU in the PATH, and whether it has the vfio-user client device. */
async function checkQemu(): Promise<Finding[]> {
  const version = await outputOf(QEMU, '--version');
  if (version === undefined) return [missing('qemu', `no ${QEMU} in the PATH`, QEMU_ADVICE)];
  const detail = version.split('\n')[0] ?? version;
  const devices = (await outputOf(QEMU, '-device', 'help')) ?? '';
  if (!devices.includes('"vfio-user-pci"')) {
    return [missing('qemu', `${detail}, without the device vfio-user-pci`, QEMU_ADVICE)];
  }
  return [found('qemu', `${detail}, with the device vfio-user-pci`)];
}

const run = promisify(execFile);

/** What a program prints, or `undefined` when it cannot be run, fails or hangs. */
async function outputOf(program: string, ...args: string[]): Promise<string | undefined> {
  // System tools such as ldconfig are not in everybody's PATH.
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  try {
    return (await run(program, args, { env, timeout: 10_000 })).stdout;
  } catch {
    return undefined;
  }
}

const HUGEPAGES = '/sys/kernel/mm/hugepages';

/** Reserved huge pages: guest memory made of them has fewer and larger mappings. */
function checkHugepages(): Finding[] {
  const reserved = systemNames(HUGEPAGES).flatMap((size) => {
    const count = Number(systemText(`${HUGEPAGES}/${size}/nr_hugepages`));
    const free = systemText(`${HUGEPAGES}/${size}/free_hugepages`) || '?';
    return count > 0 ? [`${count} of ${size.replace('hugepages-', '')} (${free} free)`] : [];
  });
  if (reserved.length > 0) return [found('hugepages', reserved.join(', '))];
  const advice = 'optional, for large guests: sysctl vm.nr_hugepages=512 reserves 1 GiB';
  return [missing('hugepages', 'none reserved', advice)];
}
