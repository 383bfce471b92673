import type { Packet } from '../packet.js';
import type { DeviceNames } from './device-view.js';
import { SessionDecoder } from './session-decoder.js';
import type { TracedMessage } from './traced-message.js';

/** Sessions that are followed at once. A server serves one client at a time; a file may claim any. */
const MAX_SESSIONS = 64;

/**
 * Decodes packets of any number of sessions, in the order in which they were sent: replies find
 * their requests, and what is read from configuration space tells what device a session is about.
 */
export class TraceDecoder {
  readonly #names: DeviceNames | undefined;
  readonly #sessions = new Map<number, SessionDecoder>();

  /** @param names of registers; without them, those of configuration space and MSI-X are known. */
  constructor(names?: DeviceNames) {
    this.#names = names;
  }

  /** Whether packets of that session were decoded, and it has not ended. */
  follows(session: number): boolean {
    return this.#sessions.has(session);
  }

  /** What `packet` says. Never throws, whatever its bytes are. */
  decode(packet: Packet): TracedMessage {
    const { session, encoding } = packet;
    let decoder = this.#sessions.get(session);
    if (decoder === undefined) {
      this.#makeRoom();
      decoder = new SessionDecoder(encoding, this.#names);
      this.#sessions.set(session, decoder);
    }
    return decoder.decode(packet);
  }

  /** Nothing more comes of that session. */
  ended(session: number): void {
    this.#sessions.delete(session);
  }

  /** The session that began first is given up. */
  #makeRoom(): void {
    const [first] = this.#sessions.keys();
    if (first !== undefined && this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(first);
  }
}
