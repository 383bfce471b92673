import type { QueuePairEnd } from '../endpoint/queue-pair-end.js';
import { refusal, type SetupRecord } from './records.js';
import { SetupHandshake } from './setup-handshake.js';

/** The client's side: it offers a queue pair, if it can create one. */
export class ClientHandshake extends SetupHandshake {
  #endpoint: QueuePairEnd | undefined;
  #reason = '';

  protected begin(): void {
    try {
      this.#endpoint = this.createEndpoint();
      this.answer({ rdma: 'offer', ...this.#endpoint.setup });
    } catch (error) {
      this.#reason = (error as Error).message;
      this.answer(refusal(this.#reason));
    }
  }

  protected take(record: SetupRecord): void {
    if (this.#endpoint === undefined) this.failed(this.#reason);
    else if (record.rdma === 'accept') this.joined(this.#endpoint, record);
    else {
      this.failed(
        record.rdma === 'refuse'
          ? `the server refuses it: ${record.reason}`
          : 'the server answered with an offer',
      );
    }
  }
}
