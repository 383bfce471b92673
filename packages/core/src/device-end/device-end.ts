import type { DmaSpace } from '../memory/dma-space.js';
import { ExtensionCommand } from '../protocol/enums.js';
import type { Interrupt, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import { AnnouncedMappings } from './announced-mappings.js';
import { DmaService } from './dma-service.js';
import { PushSource } from './push-source.js';

export interface DeviceEndOptions {
  /** The memory that the device may reach. */
  readonly space: DmaSpace;
  /** Most bytes of one DMA_READ or DMA_WRITE. */
  readonly maxDataXferSize: number;
  readonly onInterrupt: (interrupt: Interrupt) => void;
}

/**
 * The side of a session that faces a device, over one connection or several in turn: announces
 * memory to it and serves its requests.
 */
export class DeviceEnd {
  readonly mappings: AnnouncedMappings;
  readonly pushes: PushSource;
  readonly #dma: DmaService;
  readonly #onInterrupt: (interrupt: Interrupt) => void;

  constructor({ space, maxDataXferSize, onInterrupt }: DeviceEndOptions) {
    this.mappings = new AnnouncedMappings(space);
    this.pushes = new PushSource(space);
    this.#dma = new DmaService(space, maxDataXferSize);
    this.#onInterrupt = onInterrupt;
  }

  /** See {@link DmaService.postedWritesEnd}. */
  postedWritesEnd(byMs: number): Promise<void> {
    return this.#dma.postedWritesEnd(byMs);
  }

  /** Handle a request of the device behind `peer`. */
  onRequest(peer: Peer, request: RequestMessage): void {
    switch (request.command) {
      case ExtensionCommand.INTERRUPT:
        this.#onInterrupt(request.body);
        return;
      case ExtensionCommand.PUSH_RULES:
        this.pushes.replace(request.body);
        peer.reply(request.command, request.id, undefined);
        return;
      default:
        this.#dma.answer(peer, request);
    }
  }
}
