import type { Dma } from '../device/dma.js';
import { ECANCELED, EINVAL } from '../errno.js';
import { errnoOf, RemoteError, RequestRefusedError } from '../errors.js';
import { WriteFence } from '../memory/write-fence.js';
import { Command, commandName, ExtensionCommand } from '../protocol/enums.js';
import type { DmaData, DmaRead, RequestMessage } from '../protocol/messages.js';
import { DEVICE_INFO_BYTES } from '../protocol/struct-sizes.js';
import type { Peer } from '../session/peer.js';
import { ReadWindow } from './read-window.js';

/** Most bytes of a device's writes that wait for the owner of the memory while more is read. */
const MAX_WAITING_BYTES = 32 * 2 ** 20;

type DmaWriteRequest = Extract<RequestMessage, { command: typeof Command.DMA_WRITE }>;

/**
 * Serves "DMA_READ" and "DMA_WRITE" of a device. Every access is checked against the mappings and
 * their permissions before memory is touched.
 *
 * A device does not wait for the replies to its writes, and a later write may say that earlier ones
 * are complete (a completion queue entry). So after a failed write, those behind it are refused
 * until the device knows. A posted write has no reply: DMA_FAULT tells of the first that failed.
 */
export class DmaService {
  readonly #dma: Dma;
  readonly #maxDataXferSize: number;
  /** A device with a failed write whose error reply it may not have read. */
  #unaware: Peer | undefined;
  #waitingBytes = 0;
  /** Posted writes under way to the owner of the memory: a read behind them waits. */
  readonly #posted = new WriteFence();
  readonly #reads = new ReadWindow();

  constructor(dma: Dma, maxDataXferSize: number) {
    this.#dma = dma;
    this.#maxDataXferSize = maxDataXferSize;
  }

  /**
   * The posted writes that have come are done, or `byMs` (`performance.now()`) has come: an owner
   * of memory may be unable to answer before it is answered itself.
   */
  async postedWritesEnd(byMs: number): Promise<void> {
    if (this.#posted.open) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#posted.run(resolve);
      timer = setTimeout(resolve, Math.max(0, byMs - performance.now()));
    });
    clearTimeout(timer);
  }

  answer(peer: Peer, request: RequestMessage): void {
    const { command } = request;
    if (command === Command.DMA_WRITE) {
      this.#answerWrite(peer, request);
      return;
    }
    const refuse = (error: unknown): void =>
      peer.replyError(command, request.id, request.noReply, error);
    try {
      if (command !== Command.DMA_READ) {
        const text = `${commandName(command)} is no request to a client`;
        throw new RequestRefusedError(EINVAL, text);
      }
      this.#checkCount(command, request.body.count);
    } catch (error) {
      refuse(error);
      return;
    }
    this.#posted.run(() => {
      try {
        this.#read(peer, request.id, request.body, refuse);
      } catch (error) {
        refuse(error);
      }
    });
  }

  #read(peer: Peer, id: number, body: DmaRead, refuse: (error: unknown) => void): void {
    const { address, count } = body;
    const range = this.#dma.range(address, count, 'read');
    const answer = (data: Uint8Array): void =>
      peer.reply(Command.DMA_READ, id, { address, count, data });
    const { view } = range;
    if (view !== undefined) {
      answer(view);
      return;
    }
    this.#reads.run(count, async () => {
      if (peer.closed) return;
      try {
        const data = new Uint8Array(count);
        const reading = range.read(data);
        if (reading !== undefined) await reading;
        answer(data);
      } catch (error) {
        refuse(error);
      }
    });
  }

  #answerWrite(peer: Peer, request: DmaWriteRequest): void {
    const number = peer.oneWay.handledMessages + 1;
    try {
      const writing = this.#write(peer, request.body, request.noReply);
      if (writing === undefined) confirm(peer, request);
      else {
        writing
          .then(() => confirm(peer, request))
          .catch((error) => this.#refuseWrite(peer, request, number, error));
      }
    } catch (error) {
      this.#refuseWrite(peer, request, number, error);
    }
  }

  #write(
    peer: Peer,
    { address, count, data }: DmaData,
    isPosted: boolean,
  ): Promise<void> | undefined {
    this.#checkCount(Command.DMA_WRITE, count);
    this.#checkEarlierWrites(peer);
    const range = this.#dma.range(address, count, 'write');
    if (range.local) return range.write(data);
    // Forwarded as messages: the data must outlive this frame.
    const writing = range.write(data.slice());
    return writing && this.#limited(peer, count, isPosted, writing);
  }

  /** Nothing more is read from a device while too much of what it wrote waits here. */
  async #limited(
    peer: Peer,
    bytes: number,
    isPosted: boolean,
    writing: Promise<void>,
  ): Promise<void> {
    const number = isPosted ? this.#posted.begin() : undefined;
    this.#waitingBytes += bytes;
    if (this.#waitingBytes > MAX_WAITING_BYTES) peer.connection.pause();
    try {
      await writing;
    } finally {
      this.#waitingBytes -= bytes;
      if (number !== undefined) this.#posted.end(number);
      if (this.#waitingBytes <= MAX_WAITING_BYTES) peer.connection.resume();
    }
  }

  #checkEarlierWrites(peer: Peer): void {
    if (this.#unaware !== peer) return;
    throw new RequestRefusedError(ECANCELED, 'an earlier DMA_WRITE failed');
  }

  /** @param number of the request, if it has no reply: see DMA_FAULT. */
  #refuseWrite(peer: Peer, request: DmaWriteRequest, number: number, error: unknown): void {
    const { command, id, noReply, body } = request;
    const isFirst = this.#unaware !== peer;
    // Of posted writes behind a failed one nobody need be told.
    if (isFirst || !noReply) peer.replyError(command, id, noReply, error);
    if (!isFirst || peer.closed) return;
    if (noReply && peer.extensions.postedDma) {
      const { address, count } = body;
      const fault = { message: number, address, count, errno: errnoOf(error) };
      peer.post(ExtensionCommand.DMA_FAULT, fault);
    }
    this.#refuseWrites(peer);
  }

  /**
   * Until the device has answered a request of ours: then it has read the refusal, and its earlier
   * writes have arrived.
   */
  #refuseWrites(peer: Peer): void {
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

/** The write is done. */
function confirm(peer: Peer, { command, id, noReply, body }: DmaWriteRequest): void {
  if (noReply) return;
  const { address, count } = body;
  peer.reply(command, id, { address, count });
}
