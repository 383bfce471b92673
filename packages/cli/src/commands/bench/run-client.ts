import { BenchClient, type ClientRequest } from '@vfio-user/bench';
import { UsageError } from '../../errors.js';
import { loadTransports } from '../../registry.js';

/** Measure for the process that started this one, until it goes away. */
export async function runClient(): Promise<void> {
  if (process.send === undefined) {
    throw new UsageError('`vfio-user bench` starts its clients itself');
  }
  const client = new BenchClient(loadTransports);
  process.on('message', (request: ClientRequest) => {
    void client.answer(request).then((answer) => process.send?.(answer));
  });
  // Whatever is under way, nobody waits for it any more.
  process.on('disconnect', () => process.exit());
}
