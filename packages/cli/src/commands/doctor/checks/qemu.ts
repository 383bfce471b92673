import { type Finding, found, missing } from '../finding.js';
import { outputOf } from '../read-system.js';

const PROGRAM = 'qemu-system-x86_64';
const ADVICE =
  'install QEMU 10.1 or newer (Debian: qemu-system-x86 from backports); `npm run test:interop` sets up one of its own';

/** QEMU in the PATH, and whether it has the vfio-user client device. */
export async function checkQemu(): Promise<Finding[]> {
  const version = await outputOf(PROGRAM, '--version');
  if (version === undefined) return [missing('qemu', `no ${PROGRAM} in the PATH`, ADVICE)];
  const detail = version.split('\n')[0] ?? version;
  const devices = (await outputOf(PROGRAM, '-device', 'help')) ?? '';
  if (!devices.includes('"vfio-user-pci"')) {
    return [missing('qemu', `${detail}, without the device vfio-user-pci`, ADVICE)];
  }
  return [found('qemu', `${detail}, with the device vfio-user-pci`)];
}
