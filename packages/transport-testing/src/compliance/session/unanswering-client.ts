import { Command, type Iova, silentLogger, type TransportRegistry } from '@vfio-user/core';
import {
  call,
  connectUri,
  type KnownCommand,
  type NegotiatedConnection,
  OWN_CAPABILITIES,
  offer,
  Peer,
  type ReplyBodies,
  type RequestBodies,
  type RequestMessage,
} from '@vfio-user/core/internal';
import { Waiter } from '../waiter.js';

/** A memory access of the device, not answered yet. */
interface Held {
  readonly command: typeof Command.DMA_READ | typeof Command.DMA_WRITE;
  readonly id: number;
  readonly address: Iova;
  readonly count: number;
}

/** A client that does not answer the device's memory accesses until {@link release}. */
export class UnansweringClient {
  readonly peer: Peer;
  readonly #waiter = new Waiter();
  #held: Held[] = [];
  #closed = false;

  private constructor(opened: NegotiatedConnection) {
    const handlers = {
      onRequest: (request: RequestMessage): void => {
        if (request.command !== Command.DMA_READ && request.command !== Command.DMA_WRITE) return;
        const { address, count } = request.body;
        this.#held.push({ command: request.command, id: request.id, address, count });
        this.#waiter.changed();
      },
      onClose: (): void => {
        this.#closed = true;
        this.#waiter.changed();
      },
    };
    this.peer = new Peer(opened, handlers, {
      logger: silentLogger,
      timeoutMs: 0,
      pauseWhenBackedUp: false,
    });
  }

  static async connect(registry: TransportRegistry, address: string): Promise<UnansweringClient> {
    const { maxDataXferSize } = OWN_CAPABILITIES;
    const options = { maxDataXferSize, silenceMs: 0 };
    const accept = (opened: NegotiatedConnection): UnansweringClient =>
      new UnansweringClient(opened);
    const client = await connectUri(registry, address, accept, options);
    await client.call(Command.VERSION, offer(OWN_CAPABILITIES), () => undefined);
    return client;
  }

  get heldCount(): number {
    return this.#held.length;
  }

  call<C extends KnownCommand, T>(
    command: C,
    body: RequestBodies[C],
    pick: (body: ReplyBodies[C]) => T,
  ): Promise<T> {
    return call(this.peer, command, body, pick);
  }

  /** Resolves once the device waits for `count` accesses. */
  holding(count: number): Promise<void> {
    return this.#waiter.until(() => this.#held.length >= count, `${count} memory accesses`);
  }

  /** Answer what is held, as memory full of zeros would. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const { command, id, address, count } of held) {
      const range = { address, count };
      if (command === Command.DMA_WRITE) this.peer.reply(command, id, range);
      else this.peer.reply(command, id, { ...range, data: new Uint8Array(count) });
    }
  }

  /** Abort the connection. */
  async vanish(): Promise<void> {
    this.peer.abort(new Error('the client vanishes'));
    await this.#waiter.until(() => this.#closed, 'the end of the connection');
  }
}
