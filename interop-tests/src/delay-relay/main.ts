// The relay as a process: its options as JSON in the first argument, "listening HOST:PORT" on stdout.

import { DelayRelay, type DelayRelayOptions } from './relay.js';

const relay = await DelayRelay.start(JSON.parse(process.argv[2] ?? '') as DelayRelayOptions);
process.once('SIGTERM', () => void relay.close());
process.stdout.write(`listening ${relay.address.host}:${relay.address.port}\n`);
