import type { ControllerState } from '../controller-state.js';

/** Write protected (NSATTR). */
const READ_ONLY = 1;
/** Deallocated blocks read as zeros; write zeroes may deallocate (DLFEAT). */
const DISCARD_READS_ZERO = 1 | (1 << 3);

/** Namespace identifier types. */
const ID_TYPE_UUID = 3;

/** Identify Namespace data structure (NVM Express 1.4, figure 245). */
export function identifyNamespace({ namespace, identity }: ControllerState): Uint8Array {
  const { storage, blockBytes, blockCount } = namespace;
  const data = Buffer.alloc(4096);
  data.writeBigUInt64LE(BigInt(blockCount), 0); // NSZE
  data.writeBigUInt64LE(BigInt(blockCount), 8); // NCAP
  data.writeBigUInt64LE(BigInt(blockCount), 16); // NUSE
  data[33] = storage.discardReadsZero ? DISCARD_READS_ZERO : 0;
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
