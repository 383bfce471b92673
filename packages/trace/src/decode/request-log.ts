import type { Message } from '@vfio-user/core/internal';
import type { RelaySide } from '../relay/relay-observer.js';
import type { TracedRequest } from './traced-message.js';

/** Requests without a reply so far, of each side. Ids have 16 bits, which bounds how many there are. */
export class RequestLog {
  readonly #open = {
    client: new Map<number, TracedRequest>(),
    server: new Map<number, TracedRequest>(),
  };

  add(sender: RelaySide, id: number, request: TracedRequest): void {
    this.#open[sender].set(id, request);
  }

  /** The request that a reply of `sender` answers. */
  take(sender: RelaySide, { id, command }: Message): TracedRequest | undefined {
    const asked = this.#open[sender === 'client' ? 'server' : 'client'];
    const request = asked.get(id);
    if (request?.command !== command) return undefined;
    asked.delete(id);
    return request;
  }
}
