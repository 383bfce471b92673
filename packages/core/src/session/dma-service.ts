import type { DmaSpace } from '../dma/dma-space.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import { Command, commandName } from '../protocol/constants.js';
import type { DmaAccess, DmaData, RequestMessage } from '../protocol/messages.js';
import type { Peer } from './peer.js';

/**
 * The owner of memory: answers "DMA_READ" and "DMA_WRITE" of a device. Every access is checked
 * against what was mapped and its permissions before memory is touched.
 */
export class DmaService {
  readonly #space: DmaSpace;
  readonly #maxDataXferSize: number;

  constructor(space: DmaSpace, maxDataXferSize: number) {
    this.#space = space;
    this.#maxDataXferSize = maxDataXferSize;
  }

  answer(peer: Peer, request: RequestMessage): void {
    const { command, id, noReply } = request;
    const refuse = (error: unknown): void => peer.replyError(command, id, noReply, error);
    try {
      switch (request.command) {
        case Command.DMA_READ:
          this.#checkCount(command, request.body.count);
          this.#read(peer, id, request.body, refuse);
          return;
        case Command.DMA_WRITE:
          this.#checkCount(command, request.body.count);
          this.#write(peer, id, noReply, request.body, refuse);
          return;
        default:
          throw new RequestRefusedError(
            EINVAL,
            `${commandName(command)} is no request to a client`,
          );
      }
    } catch (error) {
      refuse(error);
    }
  }

  #read(peer: Peer, id: number, body: DmaAccess, refuse: (error: unknown) => void): void {
    const { address, count } = body;
    const view = this.#space.map(address, count, 'read');
    if (view !== undefined) {
      peer.reply(Command.DMA_READ, id, { address, count, data: view });
      return;
    }
    const data = new Uint8Array(count);
    this.#space
      .read(address, data)
      .then(() => peer.reply(Command.DMA_READ, id, { address, count, data }))
      .catch(refuse);
  }

  #write(
    peer: Peer,
    id: number,
    noReply: boolean,
    body: DmaData,
    refuse: (error: unknown) => void,
  ): void {
    const { address, count, data } = body;
    const done = (): void => {
      if (!noReply) peer.reply(Command.DMA_WRITE, id, { address, count });
    };
    if (this.#space.tryWrite(address, data)) done();
    // The bytes outlive this message: they travel on in messages of their own.
    else this.#space.write(address, data.slice()).then(done).catch(refuse);
  }

  #checkCount(command: number, count: number): void {
    if (count <= this.#maxDataXferSize) return;
    throw new RequestRefusedError(
      EINVAL,
      `${commandName(command)} of ${count} bytes, the limit is ${this.#maxDataXferSize}`,
    );
  }
}
