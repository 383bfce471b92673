import type { Iova } from '../../src/address.js';
import type { Dma } from '../../src/device/dma.js';
import type { Attachment } from '../../src/diagnostics/channels.js';
import { RemoteError } from '../../src/errors.js';
import { DmaMapping } from '../../src/memory/mapping.js';
import type { MappingTable } from '../../src/memory/mapping-table.js';
import type { RemoteDma } from '../../src/memory/remote-dma.js';
import type { WriteFence } from '../../src/memory/write-fence.js';
import type { ExposedRange } from '../../src/transport/one-sided.js';
import type { MappedMemory } from '../../src/transport/resources.js';

/** For what tells of a device and its client. */
export const ATTACHMENT: Attachment = { device: 'a device', peer: undefined };

/** Shared memory in an array: once closed, views of it read zeros. */
export class TestGuestMemory implements MappedMemory {
  readonly bytes: Uint8Array;
  closed = false;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  get length(): number {
    return this.bytes.length;
  }

  view(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(offset, offset + length);
  }

  read(offset: number, target: Uint8Array): void {
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  write(offset: number, source: Uint8Array): void {
    this.bytes.set(source, offset);
  }

  close(): void {
    this.closed = true;
    this.bytes.fill(0);
  }
}

interface Transfer {
  readonly kind: 'read' | 'write';
  readonly mapping: DmaMapping;
  readonly address: Iova;
  readonly data: Uint8Array;
  end(error?: Error): void;
}

/** Message-mode memory whose transfers end when the test says so. */
export class ManualRemote implements RemoteDma {
  readonly transfers: Transfer[] = [];
  readonly cancelled: DmaMapping[] = [];
  readonly #fence: WriteFence;

  constructor(fence: WriteFence) {
    this.#fence = fence;
  }

  read(mapping: DmaMapping, address: Iova, data: Uint8Array): Promise<void> {
    return this.#start('read', mapping, address, data);
  }

  write(mapping: DmaMapping, address: Iova, data: Uint8Array): Promise<void> {
    return this.#start('write', mapping, address, data);
  }

  cancel(mapping: DmaMapping): undefined {
    this.cancelled.push(mapping);
    for (const transfer of this.transfers.splice(0)) {
      if (transfer.mapping === mapping) transfer.end(new Error('cancelled'));
      else this.transfers.push(transfer);
    }
  }

  cancelWaiting(): void {
    for (const transfer of this.transfers.splice(0)) transfer.end(new Error('cancelled'));
  }

  #start(
    kind: 'read' | 'write',
    mapping: DmaMapping,
    address: Iova,
    data: Uint8Array,
  ): Promise<void> {
    const number = kind === 'write' ? this.#fence.begin() : undefined;
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        if (number !== undefined) {
          if (error instanceof RemoteError) this.#fence.refuse(number);
          else this.#fence.end(number);
        }
        if (error === undefined) resolve();
        else reject(error);
      };
      this.transfers.push({ kind, mapping, address, data, end });
    });
  }
}

export function mappingOf(
  address: Iova,
  pages: number,
  memory?: MappedMemory,
  rights: 'r' | 'w' | 'rw' = 'rw',
  exposed?: readonly ExposedRange[],
): DmaMapping {
  return new DmaMapping({
    address,
    size: pages * 4096,
    readable: rights !== 'w',
    writable: rights !== 'r',
    fileOffset: 0n,
    memory,
    exposed,
  });
}

/** Put a mapping like `wanted` into a table or a DMA space. @returns the one that is there then. */
export function addMapping(
  to: { add: MappingTable['add'] },
  { memory, exposed, ...request }: DmaMapping,
): DmaMapping {
  const { mapping } = to.add(request, {
    isSame: (mapped) => mapped === memory,
    take: () => ({ memory, exposed }),
  });
  return mapping;
}

/** Read if all of the range is in shared memory and nothing has to be waited for. */
export function tryRead(dma: Dma, iova: Iova, target: Uint8Array): boolean {
  const range = dma.range(iova, target.length, 'read');
  return range.local && range.read(target) === undefined;
}

/** As {@link tryRead}. */
export function tryWrite(dma: Dma, iova: Iova, source: Uint8Array): boolean {
  const range = dma.range(iova, source.length, 'write');
  return range.local && range.write(source) === undefined;
}
