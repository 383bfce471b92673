// A client that has a session and nothing else to do: it must not end before the session does.
// Usage: session-process.ts URI. SIGUSR2 closes the session, SIGUSR1 aborts it.
import { connectDevice, TransportRegistry } from '@vfio-user/core';
import { tcpTransport } from '../src/index.js';

const [uri = ''] = process.argv.slice(2);
const registry = new TransportRegistry([tcpTransport()]);
const client = await connectDevice(uri, { registry });
process.on('SIGUSR2', () => void client.close());
process.on('SIGUSR1', () => client.connection.abort(new Error('as the signal says')));
void client.closed.then((error) =>
  process.stdout.write(`ended: ${error?.message ?? 'in order'}\n`),
);
process.stdout.write('connected\n');
