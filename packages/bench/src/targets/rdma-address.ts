import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';

const RDMA_DEVICES = '/sys/class/infiniband';

/** The first IPv4 address of an interface with an RDMA device. */
export function rdmaAddress(): string | undefined {
  for (const device of listFolder(RDMA_DEVICES)) {
    const ndevs = join(RDMA_DEVICES, device, 'ports/1/gid_attrs/ndevs');
    for (const entry of listFolder(ndevs)) {
      const addresses = networkInterfaces()[readText(join(ndevs, entry))] ?? [];
      const found = addresses.find(({ family }) => family === 'IPv4');
      if (found !== undefined) return found.address;
    }
  }
  return undefined;
}

function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Entries without an interface cannot be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
