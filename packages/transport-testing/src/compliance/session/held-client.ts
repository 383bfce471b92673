import { silentLogger, type TransportRegistry } from '@vfio-user/core';
import {
  call,
  type KnownCommand,
  nativeEncodingFor,
  OWN_CAPABILITIES,
  offer,
  Peer,
  type ReplyBodies,
  type RequestBodies,
  type RequestMessage,
} from '@vfio-user/core/internal';
import { Command } from '@vfio-user/core';
import { Waiter } from '../waiter.js';

/** A client that leaves the device's memory accesses unanswered until it is told otherwise. */
export class HeldClient {
  readonly #peer: Peer;
  readonly #waiter = new Waiter();
  #held: RequestMessage[] = [];
  #closed = false;

  private constructor(maxDataXferSize: number) {
    const handlers = {
      onRequest: (request: RequestMessage): void => {
        this.#held.push(request);
        this.#waiter.changed();
      },
      onClose: (): void => {
        this.#closed = true;
        this.#waiter.changed();
      },
    };
    this.#peer = new Peer(handlers, {
      encoding: nativeEncodingFor(maxDataXferSize),
      logger: silentLogger,
      timeoutMs: 0,
      pauseWhenBackedUp: false,
    });
  }

  static async connect(registry: TransportRegistry, address: string): Promise<HeldClient> {
    const { maxDataXferSize } = OWN_CAPABILITIES;
    const client = new HeldClient(maxDataXferSize);
    const { transport, uri } = registry.resolve(address);
    const { framing } = nativeEncodingFor(maxDataXferSize);
    client.#peer.attach(await transport.connect(uri, client.#peer, { framing }));
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
    return call(this.#peer, command, body, pick);
  }

  /** Resolves once the device waits for `count` accesses. */
  holding(count: number): Promise<void> {
    return this.#waiter.until(() => this.#held.length >= count, `${count} memory accesses`);
  }

  /** Answer what is held, as memory full of zeros would. */
  release(): void {
    const held = this.#held;
    this.#held = [];
    for (const { command, id, body } of held) {
      if (command === Command.DMA_READ) {
        const { address, count } = body;
        this.#peer.reply(command, id, { address, count, data: new Uint8Array(count) });
      } else if (command === Command.DMA_WRITE) {
        this.#peer.reply(command, id, { address: body.address, count: body.count });
      }
    }
  }

  /** Go without a word. */
  async vanish(): Promise<void> {
    this.#peer.abort(new Error('the client vanishes'));
    await this.#waiter.until(() => this.#closed, 'the end of the connection');
  }
}
