import { refusal, type SetupRecord } from './records.js';
import { SetupHandshake } from './setup-handshake.js';

/** The server's side: it waits for an offer, creates a queue pair, and accepts. */
export class ServerHandshake extends SetupHandshake {
  protected begin(): void {}

  protected take(record: SetupRecord): void {
    if (record.rdma !== 'offer') {
      const why = record.rdma === 'refuse' ? record.reason : 'it accepted what nobody offered';
      this.failed(`the client cannot do it: ${why}`);
      this.answer(refusal('there was no offer'));
      return;
    }
    try {
      const endpoint = this.createEndpoint();
      // The client's first message may come as soon as the answer has left.
      endpoint.join(record);
      this.joined(endpoint, record);
      this.answer({ rdma: 'accept', ...endpoint.setup });
    } catch (error) {
      const reason = (error as Error).message;
      this.failed(reason);
      this.answer(refusal(reason));
    }
  }
}
