import {
  Command,
  ExtensionCommand,
  type Iova,
  type Listener,
  silentLogger,
  VfioUserError,
} from '@vfio-user/core';
import {
  call,
  listenOnUri,
  type NegotiatedConnection,
  negotiate,
  OWN_CAPABILITIES,
  Peer,
  type RequestBodies,
  type RequestMessage,
} from '@vfio-user/core/internal';
import { Waiter } from '../waiter.js';
import type { SessionPlace } from './route.js';

/** A server that accesses memory it was not given. It accepts every request of its client. */
export class OverreachingServer {
  /** The faults of posted writes that the client has told of. */
  readonly faults: RequestBodies[typeof ExtensionCommand.DMA_FAULT][] = [];
  /** Called before DMA_UNMAP is answered. */
  onUnmap: () => void = () => {};
  readonly #waiter = new Waiter();
  #questions = 0;
  #client: Peer | undefined;
  #listener: Listener | undefined;

  private constructor() {}

  static async listen({ registry, fixture }: SessionPlace): Promise<OverreachingServer> {
    const server = new OverreachingServer();
    const { maxDataXferSize } = OWN_CAPABILITIES;
    server.#listener = await listenOnUri(
      registry,
      fixture.address(),
      (opened) => server.#serve(opened),
      { maxDataXferSize, silenceMs: 0 },
    );
    return server;
  }

  #serve(opened: NegotiatedConnection): Peer {
    const handlers = {
      onRequest: (request: RequestMessage) => this.#accept(request),
      onClose() {},
    };
    const options = { logger: silentLogger, timeoutMs: 0, pauseWhenBackedUp: false };
    this.#client = new Peer(opened, handlers, options);
    return this.#client;
  }

  get #peer(): Peer {
    if (this.#client === undefined) throw new Error('nobody has connected');
    return this.#client;
  }

  get uri(): string {
    return this.#listener?.uri ?? '';
  }

  /** As {@link refusal}. */
  read(address: Iova, count: number): Promise<number> {
    return refusal(call(this.#peer, Command.DMA_READ, { address, count }, () => undefined));
  }

  write(address: Iova, data: Uint8Array): Promise<number> {
    const body = { address, count: data.length, data };
    return refusal(call(this.#peer, Command.DMA_WRITE, body, () => undefined));
  }

  /** Post a write, whether or not there is room. @returns its number. */
  post(address: Iova, data: Uint8Array): number {
    this.#peer.post(Command.DMA_WRITE, { address, count: data.length, data });
    return this.#peer.oneWay.sentMessages;
  }

  /** Resolves once the client has asked whether the device knows of a fault, and was answered. */
  asked(): Promise<void> {
    return this.#waiter.until(() => this.#questions > 0, 'the question');
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    await this.#client?.close();
  }

  #accept({ command, id, body }: RequestMessage): void {
    switch (command) {
      case Command.VERSION:
        this.#peer.reply(command, id, negotiate(body, OWN_CAPABILITIES).reply);
        return;
      case Command.DEVICE_GET_INFO:
        this.#peer.reply(command, id, { argsz: 16, flags: 0, numRegions: 0, numIrqs: 0 });
        this.#questions++;
        this.#waiter.changed();
        return;
      case ExtensionCommand.DMA_FAULT:
        this.faults.push(body);
        return;
      case Command.DMA_MAP:
        this.#peer.reply(command, id, undefined);
        return;
      case Command.DMA_UNMAP:
        this.onUnmap();
        this.#peer.reply(command, id, body);
        return;
    }
  }
}

/** The errno that something was refused with, 0 if it was not. */
export async function refusal(outcome: Promise<unknown>): Promise<number> {
  try {
    await outcome;
    return 0;
  } catch (error) {
    if (VfioUserError.is(error) && 'errno' in error) return error.errno as number;
    throw error;
  }
}
