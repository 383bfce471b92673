import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { systemNames, systemText } from '@vfio-user/posix-ffi';

const RDMA_DEVICES = '/sys/class/infiniband';

/** The first IPv4 address of an interface with an RDMA device. */
export function rdmaAddress(): string | undefined {
  for (const device of systemNames(RDMA_DEVICES)) {
    const ndevs = join(RDMA_DEVICES, device, 'ports/1/gid_attrs/ndevs');
    for (const entry of systemNames(ndevs)) {
      // Entries without an interface cannot be read.
      const addresses = networkInterfaces()[systemText(join(ndevs, entry))] ?? [];
      const found = addresses.find(({ family }) => family === 'IPv4');
      if (found !== undefined) return found.address;
    }
  }
  return undefined;
}
