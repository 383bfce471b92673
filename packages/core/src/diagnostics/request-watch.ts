import type { EncodedMessage } from '../protocol/encoding.js';
import { diagnostics } from './channels.js';

interface Arrived {
  readonly command: number;
  readonly id: number;
  readonly noReply: boolean;
}

interface Begun {
  readonly command: number;
  readonly peer: string;
  readonly bytesIn: number;
  readonly startedAt: number;
}

/** Publishes the requests of one peer with their duration. Without subscribers it does nothing. */
export class RequestWatch {
  readonly #underWay = new Map<number, Begun>();
  /** A request without a reply, which is handled before the next one arrives. */
  #oneWay: Begun | undefined;
  #oneWayErrno = 0;

  begin(request: Arrived, bytesIn: number, connection?: { readonly peer: string }): void {
    if (!diagnostics.request.hasSubscribers) return;
    const { command, id, noReply } = request;
    const peer = connection?.peer ?? '';
    const begun = { command, peer, bytesIn, startedAt: performance.now() };
    // Ids of requests without a reply are not unique.
    if (!noReply) this.#underWay.set(id, begun);
    else {
      this.#oneWay = begun;
      this.#oneWayErrno = 0;
    }
  }

  answered(id: number, { head, data }: EncodedMessage, errno: number): void {
    if (!diagnostics.request.hasSubscribers) return;
    const begun = this.#underWay.get(id);
    // It arrived before there was a subscriber.
    if (begun === undefined) return;
    this.#underWay.delete(id);
    publish(begun, head.length + (data?.length ?? 0), errno);
  }

  /** A request without a reply was refused, while it is being handled. */
  refusedOneWay(errno: number): void {
    this.#oneWayErrno = errno;
  }

  handledOneWay(): void {
    const begun = this.#oneWay;
    if (begun === undefined) return;
    this.#oneWay = undefined;
    publish(begun, 0, this.#oneWayErrno);
  }
}

function publish({ command, peer, bytesIn, startedAt }: Begun, bytesOut: number, errno: number) {
  const durationMs = performance.now() - startedAt;
  diagnostics.request.publish({ command, peer, bytesIn, bytesOut, durationMs, errno });
}
