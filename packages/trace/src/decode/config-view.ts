import type { PciIds } from '@vfio-user/core';
import { type CapabilityPlace, listCapabilities } from '../pci/capability-list.js';
import { ConfigBytes } from '../pci/config-bytes.js';

const CONFIG_BYTES = 4096;
const MSIX = 0x11;
const MSIX_ENTRY_BYTES = 16;

/** Where a device has its MSI-X structures. */
export interface MsixStructures {
  readonly vectors: number;
  readonly table: { readonly bar: number; readonly offset: number };
  readonly pendingBits: { readonly bar: number; readonly offset: number };
}

/** Configuration space as far as the client has read it; zero elsewhere. */
export class ConfigView {
  readonly #bytes = new Uint8Array(CONFIG_BYTES);
  readonly #config = new ConfigBytes(this.#bytes);
  #seen = 0;
  #capabilities: readonly CapabilityPlace[] | undefined;
  #msix: MsixStructures | undefined;

  /** The device answered a read at `offset` with `data`. */
  learn(offset: number, data: Uint8Array): void {
    if (offset < 0 || offset >= CONFIG_BYTES) return;
    this.#bytes.set(data.subarray(0, CONFIG_BYTES - offset), offset);
    this.#seen = Math.max(this.#seen, offset + data.length);
    this.#capabilities = undefined;
  }

  /** Vendor, device and class; `undefined` until they were read. */
  get ids(): PciIds | undefined {
    const vendorId = this.#config.u16(0);
    if (this.#seen === 0 || vendorId === 0) return undefined;
    return {
      vendorId,
      deviceId: this.#config.u16(2),
      classCode: this.#config.u32(8) >>> 8,
    };
  }

  get capabilities(): readonly CapabilityPlace[] {
    this.#capabilities ??= this.#list();
    return this.#capabilities;
  }

  get msix(): MsixStructures | undefined {
    this.#capabilities ??= this.#list();
    return this.#msix;
  }

  #list(): readonly CapabilityPlace[] {
    const capabilities = listCapabilities(this.#config);
    const msix = capabilities.find(({ id, extended }) => id === MSIX && !extended);
    this.#msix = msix && this.#readMsix(msix.offset);
    return capabilities;
  }

  #readMsix(offset: number): MsixStructures {
    const table = this.#config.u32(offset + 4);
    const pendingBits = this.#config.u32(offset + 8);
    return {
      vectors: (this.#config.u16(offset + 2) & 0x7ff) + 1,
      table: { bar: table & 7, offset: (table & ~7) >>> 0 },
      pendingBits: { bar: pendingBits & 7, offset: (pendingBits & ~7) >>> 0 },
    };
  }
}

const ENTRY_FIELDS = ['ADDRESS_LO', 'ADDRESS_HI', 'DATA', 'CONTROL'];

/** The name of an offset in the MSI-X table or the pending bit array. */
export function msixName(
  { vectors, table, pendingBits }: MsixStructures,
  bar: number,
  offset: number,
): string | undefined {
  const inTable = offset - table.offset;
  if (bar === table.bar && inTable >= 0 && inTable < vectors * MSIX_ENTRY_BYTES) {
    const vector = Math.floor(inTable / MSIX_ENTRY_BYTES);
    return `MSIX[${vector}].${ENTRY_FIELDS[(inTable % MSIX_ENTRY_BYTES) >> 2]}`;
  }
  const inBits = offset - pendingBits.offset;
  const bitBytes = Math.ceil(vectors / 64) * 8;
  if (bar === pendingBits.bar && inBits >= 0 && inBits < bitBytes) return 'MSIX.PBA';
  return undefined;
}
