import type { ControllerState } from '../controller-state.js';

/** Write protected (NSATTR). */
const READ_ONLY = 1;
/** Thin provisioning: NUSE counts allocated blocks (NSFEAT). */
const THIN_PROVISIONING = 1 << 0;
/** The preferred granularity fields are valid (NSFEAT). */
const GRANULARITIES = 1 << 4;
/** Deallocated blocks read as zeros; write zeroes may deallocate (DLFEAT). */
const DEALLOCATED_READS_ZERO = 1 | (1 << 3);

/** Namespace identifier types. */
const ID_TYPE_UUID = 3;

/** Identify Namespace data structure (NVM Express 1.4, figure 245). `used` is in bytes. */
export function identifyNamespace(
  { namespace, identity }: ControllerState,
  used: number,
): Uint8Array {
  const { storage, blockBytes, blockCount } = namespace;
  const { deallocation } = storage;
  const data = Buffer.alloc(4096);
  data.writeBigUInt64LE(BigInt(blockCount), 0); // NSZE
  data.writeBigUInt64LE(BigInt(blockCount), 8); // NCAP
  data.writeBigUInt64LE(BigInt(Math.min(Math.ceil(used / blockBytes), blockCount)), 16); // NUSE
  if (deallocation !== undefined) {
    data[24] = THIN_PROVISIONING | GRANULARITIES;
    data[33] = deallocation.readsZero ? DEALLOCATED_READS_ZERO : 0;
    // Write granularity and alignment, deallocate granularity and alignment, write size.
    const blocks = Math.max(1, Math.round(deallocation.granularity / blockBytes));
    for (const at of [64, 66, 68, 70, 72]) data.writeUInt16LE(Math.min(blocks - 1, 0xffff), at);
  }
  data[99] = storage.isReadOnly ? READ_ONLY : 0;
  data.set(identity.uuid, 104); // NGUID
  data[128 + 2] = Math.log2(blockBytes); // LBA format 0
  return data;
}

/** Namespace Identification Descriptor list: a UUID. */
export function namespaceDescriptors({ identity }: ControllerState): Uint8Array {
  const data = new Uint8Array(4096);
  data[0] = ID_TYPE_UUID;
  data[1] = identity.uuid.length;
  data.set(identity.uuid, 4);
  return data;
}
