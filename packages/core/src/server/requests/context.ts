import type { Logger } from '../../logger.js';
import type { Capabilities } from '../../protocol/capabilities.js';
import type { Peer } from '../../session/peer.js';
import type { DeviceInstance } from '../device-instance.js';
import type { InterruptMessages } from '../interrupt-messages.js';
import type { ServerLimits } from '../limits.js';

/** What the handlers of requests work with: one per session. */
export interface RequestContext {
  readonly device: DeviceInstance;
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** Interrupts by message, for a client that takes them so. */
  readonly interruptMessages: InterruptMessages;
  /** What the client said it can do; there once VERSION was exchanged. */
  readonly client: Capabilities;
}
