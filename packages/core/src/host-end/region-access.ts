import type { RegionDefinition } from '../device/device.js';
import { readRegion, writeRegion } from '../device/region.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { PciFunction } from '../pci/function.js';
import { INLINE_DATA_BYTES } from '../protocol/encoding.js';
import { commandName } from '../protocol/enums.js';
import type { RegionAccess, RegionData, RegionWriteMulti } from '../protocol/messages.js';

/** "REGION_READ", "REGION_WRITE" and "REGION_WRITE_MULTI": the hot path. */
export class RegionAccessHandler {
  readonly #pci: PciFunction;
  readonly #maxBytes: number;
  readonly #scratch = new Uint8Array(INLINE_DATA_BYTES);
  readonly #scratch4 = this.#scratch.subarray(0, 4);

  /** @param maxBytes most bytes of one access. */
  constructor(pci: PciFunction, maxBytes: number) {
    this.#pci = pci;
    this.#maxBytes = maxBytes;
  }

  /** The data is valid until the next call. */
  read(command: number, { region, offset, count }: RegionAccess): Uint8Array {
    const definition = this.#region(command, region, offset, count);
    const data = this.#buffer(count);
    readRegion(definition, offset, data);
    return data;
  }

  write(command: number, { region, offset, count, data }: RegionData): void {
    const definition = this.#region(command, region, offset, count);
    writeRegion(definition, offset, data);
  }

  writeMulti(command: number, { writes }: RegionWriteMulti): void {
    for (const write of writes) this.write(command, write);
  }

  #region(command: number, index: number, offset: number, count: number): RegionDefinition {
    const region = this.#pci.region(index);
    if (region === undefined)
      throw refused(command, index, offset, 'the device has no such region');
    const limit = this.#maxBytes;
    if (count > limit)
      throw refused(command, index, offset, `${count} bytes, the limit is ${limit}`);
    return region;
  }

  #buffer(count: number): Uint8Array {
    if (count === 4) return this.#scratch4;
    // Small data is copied when the reply is encoded; larger data is sent by reference, so it needs
    // memory of its own.
    return count <= INLINE_DATA_BYTES ? this.#scratch.subarray(0, count) : new Uint8Array(count);
  }
}

function refused(
  command: number,
  region: number,
  offset: number,
  why: string,
): RequestRefusedError {
  const where = `region ${region} at 0x${offset.toString(16)}`;
  return new RequestRefusedError(EINVAL, `${commandName(command)} of ${where}: ${why}`);
}
