import type { Logger } from '../logger.js';
import type { DmaSpace } from '../memory/dma-space.js';
import type { Capabilities } from '../protocol/capabilities.js';
import type { DeviceInstance } from '../server/device-instance.js';
import type { Peer } from '../session/peer.js';
import type { InterruptMessages } from './interrupt-messages.js';
import type { ServerLimits } from './limits.js';

/** What DMA_MAP and DMA_UNMAP work with; the memory may be a device's, or a bridge's. */
export interface MemoryContext {
  readonly device: { readonly dma: DmaSpace; quiesce(): Promise<void> | undefined };
  readonly peer: Peer;
  readonly limits: ServerLimits;
  /** Most mappings at once: what the client was told. */
  readonly maxDmaMaps: number;
  /** What the client said it can do; there once VERSION was exchanged. */
  readonly client: Capabilities;
}

/** What the handlers of requests work with: one per session. */
export interface RequestContext extends MemoryContext {
  readonly device: DeviceInstance;
  readonly logger: Logger;
  /** Whether the client named capabilities in VERSION at all. */
  readonly namesCapabilities: boolean;
  /** Interrupts by message, for a client that takes them so. */
  readonly interruptMessages: InterruptMessages;
}
