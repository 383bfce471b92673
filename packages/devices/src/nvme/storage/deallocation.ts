import { fstatSync } from 'node:fs';
import { canPunchHoles, type OpenFile, systemText, unavailableReason } from '@vfio-user/posix-ffi';
import type { Deallocation } from './storage.js';
import { blockDeviceFolder } from './sysfs.js';

/** An image that is open and locked. */
interface OpenImage extends OpenFile {
  /** Bytes. */
  readonly size: number;
  readonly isBlockDevice: boolean;
  readonly isReadOnly: boolean;
}

/** What an image can give back, or `undefined` when it cannot. */
export function deallocationOf(image: OpenImage): Deallocation | undefined {
  if (image.isReadOnly || unavailableReason() !== undefined) return undefined;
  const { blksize, rdev } = fstatSync(image.number);
  if (image.isBlockDevice) {
    if (limit(rdev, 'discard_max_bytes') === 0) return undefined;
    return { readsZero: false, granularity: limit(rdev, 'discard_granularity') };
  }
  return canPunchHoles(image, image.size) ? { readsZero: true, granularity: blksize } : undefined;
}

/** What the kernel says of the queue of a block device, bytes; 0 when it says nothing. */
function limit(rdev: number, name: string): number {
  const folder = blockDeviceFolder(rdev);
  // A partition has the queue of its disk.
  return Number(systemText(`${folder}/queue/${name}`) || systemText(`${folder}/../queue/${name}`));
}
