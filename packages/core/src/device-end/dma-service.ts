import type { Dma } from '../device/dma.js';
import { ECANCELED, EINVAL } from '../errno.js';
import { RemoteError, RequestRefusedError } from '../errors.js';
import { Command, commandName } from '../protocol/enums.js';
import type { DmaData, DmaRead, RequestMessage } from '../protocol/messages.js';
import { DEVICE_INFO_BYTES } from '../protocol/struct-sizes.js';
import type { Peer } from '../session/peer.js';

/**
 * Serves "DMA_READ" and "DMA_WRITE" of a device. Every access is checked against the mappings and
 * their permissions before memory is touched.
 *
 * A device does not wait for the replies to its writes, and a later write may say that earlier ones
 * are complete (a completion queue entry). So after a failed write, those behind it are refused
 * until the device knows.
 */
export class DmaService {
  readonly #dma: Dma;
  readonly #maxDataXferSize: number;
  /** A device with a failed write whose error reply it may not have read. */
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
    // Forwarded as messages if not done at once: the data must outlive this frame.
    const writing = range.write(range.local ? data : data.slice());
    if (writing === undefined) done();
    else writing.then(done).catch(refuse);
  }

  #checkEarlierWrites(peer: Peer): void {
    if (this.#unaware !== peer) return;
    throw new RequestRefusedError(ECANCELED, 'an earlier DMA_WRITE failed');
  }

  /**
   * Until the device has answered a request of ours: then it has read the refusal, and its earlier
   * writes have arrived.
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
