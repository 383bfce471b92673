import type { DeviceMemory } from '../device/device.js';
import { VfioUserError } from '../errors.js';
import type { SharedMemory } from '../transport/resources.js';

export type MemoryFactory = (name: string, length: number) => SharedMemory;

/** Device memory: shareable where the transport passes descriptors, otherwise plain. */
export class SharedDeviceMemory implements DeviceMemory {
  readonly bytes: Uint8Array;
  readonly shared: SharedMemory | undefined;

  constructor(name: string, length: number, createMemory: MemoryFactory | undefined) {
    this.shared = createMemory?.(name, length);
    const bytes = this.shared === undefined ? new Uint8Array(length) : this.shared.view(0, length);
    if (bytes === undefined) {
      throw new VfioUserError(
        'VFU_CONFIG_INVALID',
        `device memory ${name}: ${length} bytes cannot be viewed in one piece, at most 1 GiB can`,
      );
    }
    this.bytes = bytes;
  }

  readBlock(offset: number, target: Uint8Array): void {
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  writeBlock(offset: number, source: Uint8Array): void {
    this.bytes.set(source, offset);
  }

  close(): void {
    this.shared?.close();
  }
}
