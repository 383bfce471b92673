import { DmaSpace } from '../dma/dma-space.js';
import { EINVAL } from '../errno.js';
import { DmaFaultError, RequestRefusedError } from '../errors.js';
import { Command, commandName } from '../protocol/constants.js';
import type { RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';

/**
 * The client as the owner of memory: answers "DMA_READ" and "DMA_WRITE". Every access is checked
 * against what was mapped and its permissions before memory is touched.
 */
export class DmaService {
  readonly space = new DmaSpace();
  readonly #maxDataXferSize: number;

  constructor(maxDataXferSize: number) {
    this.#maxDataXferSize = maxDataXferSize;
  }

  answer(peer: Peer, request: RequestMessage): void {
    const { command, id, noReply } = request;
    try {
      switch (request.command) {
        case Command.DMA_READ: {
          const { address, count } = request.body;
          this.#checkCount(command, count);
          const data = this.#read(address, count);
          if (!noReply) peer.reply(Command.DMA_READ, id, { address, count, data });
          return;
        }
        case Command.DMA_WRITE: {
          const { address, count, data } = request.body;
          this.#checkCount(command, count);
          this.space.tryWrite(address, data);
          if (!noReply) peer.reply(Command.DMA_WRITE, id, { address, count });
          return;
        }
        default:
          throw new RequestRefusedError(
            EINVAL,
            `${commandName(command)} is no request to a client`,
          );
      }
    } catch (error) {
      peer.replyError(command, id, noReply, error);
    }
  }

  #read(address: number | bigint, count: number): Uint8Array {
    const view = this.space.map(address, count, 'read');
    if (view !== undefined) return view;
    const copy = new Uint8Array(count);
    if (!this.space.tryRead(address, copy)) throw new DmaFaultError(EINVAL, 'memory without bytes');
    return copy;
  }

  #checkCount(command: number, count: number): void {
    if (count <= this.#maxDataXferSize) return;
    throw new RequestRefusedError(
      EINVAL,
      `${commandName(command)} of ${count} bytes, the limit is ${this.#maxDataXferSize}`,
    );
  }
}
