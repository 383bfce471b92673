import type { Peer } from '../session/peer.js';

/** Requests to a device that was reached anew that wait for an answer at a time. */
const MAX_PARALLEL_REQUESTS = 1024;

/** Tells the device one thing. */
export type RestoreStep = () => Promise<void>;

/** What there is to tell a device, in this order. */
export type RestoreSteps = (far: Peer) => readonly RestoreStep[];

/**
 * All that a client sets at its device for the length of a session. A device that was reached anew
 * is told it again, and nothing else. Its own it starts afresh, as after any reset: registers and
 * configuration space, the rules for pushed memory, and where it was in a migration, since the data
 * read or written so far belongs to a state that is gone.
 */
export interface ClientState {
  /** "DMA_MAP": ranges and rights, exposed anew where the device reaches memory by itself. */
  readonly mappings: RestoreSteps;
  /** "DMA_LOGGING_START", where the device writes memory by itself. */
  readonly dirtyPageLog: RestoreSteps;
  /** "DEVICE_SET_IRQS": which vectors are wired up, and which are masked. */
  readonly interrupts: RestoreSteps;
}

/** Many things at once, as the client's requests wait meanwhile, but not more than there are ids for. */
export async function restoreState(state: ClientState, far: Peer): Promise<void> {
  const { mappings, dirtyPageLog, interrupts } = state;
  const restoreSteps = [mappings, dirtyPageLog, interrupts].flatMap((kind) => kind(far));
  for (let at = 0; at < restoreSteps.length; at += MAX_PARALLEL_REQUESTS) {
    await Promise.all(restoreSteps.slice(at, at + MAX_PARALLEL_REQUESTS).map((step) => step()));
  }
}
