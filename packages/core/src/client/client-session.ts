import { deferred } from '../deferred.js';
import { DeviceEnd } from '../device-end/device-end.js';
import { DeviceInterrupts } from '../device-end/interrupts.js';
import type { Logger } from '../logger.js';
import { DmaSpace } from '../memory/dma-space.js';
import type { RequestMessage } from '../protocol/messages.js';
import { runAll } from '../run-all.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import { Peer, type PeerHandlers } from '../session/peer.js';

export interface ClientSessionOptions {
  /** URI of the device. */
  readonly uri: string;
  readonly logger: Logger;
  readonly timeoutMs: number;
  /** Most bytes of data in one message. */
  readonly maxDataXferSize: number;
}

/** A client's session, from before VERSION to the end of the connection. */
export class ClientSession implements PeerHandlers {
  readonly peer: Peer;
  readonly space: DmaSpace;
  readonly device: DeviceEnd;
  readonly interrupts: DeviceInterrupts;
  readonly maxDataXferSize: number;
  /** Resolves when the connection has ended; the error is absent after an orderly end. */
  readonly closed: Promise<Error | undefined>;
  readonly #logger: Logger;
  readonly #ended = deferred<Error | undefined>();

  constructor(opened: NegotiatedConnection, options: ClientSessionOptions) {
    const { uri, logger, timeoutMs, maxDataXferSize } = options;
    this.#logger = logger;
    this.maxDataXferSize = maxDataXferSize;
    this.space = new DmaSpace({ device: uri, peer: opened.connection.peer }, logger);
    // Keep reading: a server that waits for DMA replies may not read meanwhile.
    this.peer = new Peer(opened, this, { logger, timeoutMs, pauseWhenBackedUp: false });
    this.interrupts = new DeviceInterrupts(this.peer);
    this.device = new DeviceEnd({
      space: this.space,
      maxDataXferSize,
      onInterrupt: (interrupt) => this.interrupts.onMessage(interrupt),
    });
    this.closed = this.#ended.promise;
  }

  onRequest(request: RequestMessage): void {
    this.device.onRequest(this.peer, request);
  }

  onClose(error?: Error): void {
    const steps = [() => this.interrupts.close(), () => this.space.removeAll()];
    runAll(steps, (err) => this.#logger.error({ err }, 'closed, but not all was given back'));
    this.#ended.resolve(error);
  }
}
