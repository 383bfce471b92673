import type { Peer } from '../session/peer.js';

/** Requests to a device that was reached anew that wait for an answer at a time. */
const TOLD_AT_ONCE = 1024;

/** Tells the device one thing. */
export type Telling = () => Promise<void>;

/** What there is to tell a device, in this order. */
export type ToTell = (far: Peer) => readonly Telling[];

/**
 * All that a client sets at its device for the length of a session. A device that was reached anew
 * is told it again, and nothing else. Its own it starts afresh, as after any reset: registers and
 * configuration space, the rules for pushed memory, and where it was in a migration, since the data
 * read or written so far belongs to a state that is gone.
 */
export interface ClientState {
  /** "DMA_MAP": ranges and rights, exposed anew where the device reaches memory by itself. */
  readonly mappings: ToTell;
  /** "DMA_LOGGING_START", where the device writes memory by itself. */
  readonly dirtyPageLog: ToTell;
  /** "DEVICE_SET_IRQS": which vectors are wired up, and which are masked. */
  readonly interrupts: ToTell;
}

/** Many things at once, as the client's requests wait meanwhile, but not more than there are ids for. */
export async function tell(state: ClientState, far: Peer): Promise<void> {
  const { mappings, dirtyPageLog, interrupts } = state;
  const toTell = [mappings, dirtyPageLog, interrupts].flatMap((kind) => kind(far));
  for (let at = 0; at < toTell.length; at += TOLD_AT_ONCE) {
    await Promise.all(toTell.slice(at, at + TOLD_AT_ONCE).map((telling) => telling()));
  }
}
