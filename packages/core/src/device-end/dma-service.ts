import type { Dma } from '../device/dma.js';
import { ECANCELED, EINVAL } from '../errno.js';
import { RemoteError, RequestRefusedError } from '../errors.js';
import { Command, commandName } from '../protocol/constants.js';
import type { DmaData, DmaRead, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';

const DEVICE_INFO_BYTES = 16;

/**
 * The owner of memory: answers "DMA_READ" and "DMA_WRITE" of a device. Every access is checked
 * against what was mapped and its permissions before memory is touched.
 *
 * A device sends writes without waiting for the answers, and what it sends later may say that the
 * earlier ones are done, as a completion queue entry does. So when a write has failed, those behind
 * it are refused until the device has been told.
 */
export class DmaService {
  readonly #dma: Dma;
  readonly #maxDataXferSize: number;
  /** A write of this device failed, and it may not know yet. */
  #unaware: Peer | undefined;

  constructor(dma: Dma, maxDataXferSize: number) {
    this.#dma = dma;
    this.#maxDataXferSize = maxDataXferSize;
  }

  answer(peer: Peer, request: RequestMessage): void {
    const { command, id, noReply } = request;
    const refuse = (error: unknown): void => {
      peer.replyError(command, id, noReply, error);
      if (command === Command.DMA_WRITE) this.#refuseWrites(peer);
    };
    try {
      switch (request.command) {
        case Command.DMA_READ:
          this.#checkCount(command, request.body.count);
          this.#read(peer, id, request.body, refuse);
          return;
        case Command.DMA_WRITE:
          this.#checkCount(command, request.body.count);
          this.#checkEarlierWrites(peer);
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

  #read(peer: Peer, id: number, body: DmaRead, refuse: (error: unknown) => void): void {
    const { address, count } = body;
    const range = this.#dma.range(address, count, 'read');
    const { view } = range;
    const data = view ?? new Uint8Array(count);
    const answer = (): void => peer.reply(Command.DMA_READ, id, { address, count, data });
    const reading = view === undefined ? range.read(data) : undefined;
    if (reading === undefined) answer();
    else reading.then(answer).catch(refuse);
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
    const range = this.#dma.range(address, count, 'write');
    // What is not done at once travels on in messages of its own, and outlives this one.
    const writing = range.write(range.local ? data : data.slice());
    if (writing === undefined) done();
    else writing.then(done).catch(refuse);
  }

  #checkEarlierWrites(peer: Peer): void {
    if (this.#unaware !== peer) return;
    throw new RequestRefusedError(ECANCELED, 'an earlier DMA_WRITE failed');
  }

  /**
   * Until the device has answered a question: it has read the refusal then, and all that it sent
   * before has arrived.
   */
  #refuseWrites(peer: Peer): void {
    if (this.#unaware === peer || peer.closed) return;
    this.#unaware = peer;
    this.#ask(peer);
  }

  #ask(peer: Peer): void {
    const told = (): void => {
      if (this.#unaware === peer) this.#unaware = undefined;
    };
    const requester = {
      onReply: told,
      onFailure: (error: Error): void => {
        if (peer.closed || error instanceof RemoteError) told();
        else this.#ask(peer);
      },
    };
    try {
      peer.request(Command.DEVICE_GET_INFO, { argsz: DEVICE_INFO_BYTES }, requester);
    } catch (error) {
      peer.abort(error as Error);
    }
  }

  #checkCount(command: number, count: number): void {
    if (count <= this.#maxDataXferSize) return;
    throw new RequestRefusedError(
      EINVAL,
      `${commandName(command)} of ${count} bytes, the limit is ${this.#maxDataXferSize}`,
    );
  }
}
