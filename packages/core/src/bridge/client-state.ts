import type { Peer } from '../session/peer.js';

/** Requests in flight at a time while a device is restored. */
const MAX_PARALLEL_REQUESTS = 1024;

/** Sends one request that restores a part of the state. */
export type RestoreStep = () => Promise<void>;

/** The requests that restore one kind of state, in order. */
export type RestoreSteps = (device: Peer) => readonly RestoreStep[];

/**
 * The state that a client keeps in its device for the length of a session, replayed to a device
 * that was reconnected. The rest starts afresh, as after a reset: registers, configuration space,
 * push rules, and the progress of a migration.
 */
export interface ClientState {
  /** "DMA_MAP": ranges and rights, exposed again where the device uses RDMA. */
  readonly mappings: RestoreSteps;
  /** "DMA_LOGGING_START", where the device uses RDMA. */
  readonly dirtyPageLog: RestoreSteps;
  /** "DEVICE_SET_IRQS": assigned and masked vectors. */
  readonly interrupts: RestoreSteps;
}

/**
 * Replays the state with many requests in flight, as the client's requests wait meanwhile, but
 * fewer than there are ids.
 */
export async function restoreState(state: ClientState, device: Peer): Promise<void> {
  const { mappings, dirtyPageLog, interrupts } = state;
  const restoreSteps = [mappings, dirtyPageLog, interrupts].flatMap((kind) => kind(device));
  for (let at = 0; at < restoreSteps.length; at += MAX_PARALLEL_REQUESTS) {
    await Promise.all(restoreSteps.slice(at, at + MAX_PARALLEL_REQUESTS).map((step) => step()));
  }
}
