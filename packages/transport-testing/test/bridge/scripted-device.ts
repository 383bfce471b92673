import {
  Command,
  constants,
  type Iova,
  type Listener,
  RemoteError,
  silentLogger,
  type TransportRegistry,
} from '@vfio-user/core';
import {
  call,
  listenOnUri,
  negotiate,
  OWN_CAPABILITIES,
  Peer,
  type RequestMessage,
} from '@vfio-user/core/internal';
import { Waiter } from '../../src/compliance/waiter.js';

const { REGION_FLAG_READ, REGION_FLAG_WRITE } = constants;

/** Answers a request itself, or returns `false` for the ordinary answer. */
export type Script = (request: RequestMessage, peer: Peer) => boolean;

/** A device as a test wants it: it answers what it is asked, and asks what it should not. */
export class ScriptedDevice {
  /** One a connection, in the order they came. */
  readonly peers: Peer[] = [];
  readonly requests: RequestMessage[] = [];
  script: Script = () => false;
  readonly #waiter = new Waiter();
  #listener: Listener | undefined;

  static async listen(
    registry: TransportRegistry,
    address: string,
    script?: Script,
  ): Promise<ScriptedDevice> {
    const device = new ScriptedDevice();
    if (script !== undefined) device.script = script;
    const { maxDataXferSize } = OWN_CAPABILITIES;
    device.#listener = await listenOnUri(
      registry,
      address,
      (opened) => {
        const peer: Peer = new Peer(
          opened,
          {
            onRequest: (request) => device.#onRequest(request, peer),
            onClose: () => device.#waiter.changed(),
          },
          { logger: silentLogger, timeoutMs: 0, pauseWhenBackedUp: false },
        );
        device.peers.push(peer);
        device.#waiter.changed();
        return peer;
      },
      { maxDataXferSize, silenceMs: 0 },
    );
    return device;
  }

  /** The connection that came last. */
  get peer(): Peer {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error('nobody has connected');
    return peer;
  }

  /** The bodies of the requests for `command`, as far as tests compare them. */
  bodies(command: number): readonly object[] {
    const of = this.requests.filter((request) => request.command === command);
    return of.map(({ body }) => ({ ...(body as object) }));
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return this.#waiter.until(condition, what);
  }

  /** @returns the errno it was refused with, 0 if it was not. */
  read(address: Iova, count: number): Promise<number> {
    return refusal(call(this.peer, Command.DMA_READ, { address, count }, () => undefined));
  }

  write(address: Iova, data: Uint8Array): Promise<number> {
    const body = { address, count: data.length, data };
    return refusal(call(this.peer, Command.DMA_WRITE, body, () => undefined));
  }

  /** Be gone: nobody listens, connections break. */
  async vanish(): Promise<void> {
    await this.#listener?.close();
    for (const peer of this.peers) peer.abort(new Error('the device vanishes'));
    await this.until(() => this.peers.every(({ closed }) => closed), 'the end of the connections');
  }

  #onRequest(request: RequestMessage, peer: Peer): void {
    this.requests.push(keep(request));
    if (!this.script(request, peer) && !request.noReply) answer(request, peer);
    this.#waiter.changed();
  }
}

/** Outlives the frame it came in. */
function keep(request: RequestMessage): RequestMessage {
  const body: Record<string, unknown> = { ...request.body };
  if (body.data instanceof Uint8Array) body.data = body.data.slice();
  return { ...request, body } as unknown as RequestMessage;
}

function answer({ command, id, body }: RequestMessage, peer: Peer): void {
  switch (command) {
    case Command.VERSION:
      peer.reply(command, id, negotiate(body, OWN_CAPABILITIES).reply);
      return;
    case Command.DEVICE_GET_INFO:
      peer.reply(command, id, { argsz: 16, flags: 0, numRegions: 9, numIrqs: 5 });
      return;
    case Command.DEVICE_GET_REGION_INFO: {
      const flags = REGION_FLAG_READ | REGION_FLAG_WRITE;
      peer.reply(command, id, { ...body, argsz: 32, flags, size: 4096, offset: 0 });
      return;
    }
    case Command.DEVICE_GET_IRQ_INFO:
      peer.reply(command, id, { ...body, argsz: 16, flags: 1, count: 8 });
      return;
    case Command.REGION_READ:
      peer.reply(command, id, { ...body, data: new Uint8Array(body.count) });
      return;
    case Command.REGION_WRITE:
      peer.reply(command, id, { region: body.region, offset: body.offset, count: body.count });
      return;
    case Command.DMA_UNMAP:
      peer.reply(command, id, body);
      return;
    case Command.DMA_MAP:
    case Command.DEVICE_SET_IRQS:
    case Command.DEVICE_RESET:
    case Command.MIG_DATA_WRITE:
      peer.reply(command, id, undefined);
  }
}

/** The errno that the peer refused with, 0 if it did not. */
export async function refusal(outcome: Promise<unknown>): Promise<number> {
  try {
    await outcome;
    return 0;
  } catch (error) {
    if (error instanceof RemoteError) return error.errno;
    throw error;
  }
}
