import { invalid } from '../errors.js';
import { Access } from '../native/constants.js';

/** What a memory region allows. Reading it locally is always allowed. */
export interface MemoryRegionAccess {
  /** This side's receives and reads may write to it. */
  readonly localWrite?: boolean;
  /** The peer may read it. */
  readonly remoteRead?: boolean;
  /** The peer may write to it. Needs `localWrite`. */
  readonly remoteWrite?: boolean;
  /** Not locked in memory; the adapter faults pages in (few adapters can). */
  readonly onDemand?: boolean;
}

/** The `IBV_ACCESS_*` bits of just these permissions. */
export function accessFlags(access: MemoryRegionAccess): number {
  if (access.remoteWrite === true && access.localWrite !== true) {
    throw invalid('remoteWrite without localWrite: adapters refuse it, set both');
  }
  return (
    (access.localWrite === true ? Access.LOCAL_WRITE : 0) |
    (access.remoteWrite === true ? Access.REMOTE_WRITE : 0) |
    (access.remoteRead === true ? Access.REMOTE_READ : 0) |
    (access.onDemand === true ? Access.ON_DEMAND : 0)
  );
}
