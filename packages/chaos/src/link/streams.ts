import type { SetupName } from '../plan/sessions.js';
import type { RelayedStream } from './fault-relay.js';
import { portableFormat, tlsFormat } from './formats.js';
import { UnitStream } from './units.js';
import { WebSocketUnits } from './web-socket-units.js';

const plain: RelayedStream = {
  newUnits: () => new UnitStream(portableFormat),
  answersBeforePreface: 0,
};

/** What is on the faulty link of each set-up. */
export const streamOf: Readonly<Record<SetupName, RelayedStream>> = {
  tcp: plain,
  bridge: plain,
  tls: { newUnits: () => new UnitStream(tlsFormat), answersBeforePreface: 1 },
  ws: { newUnits: () => new WebSocketUnits(), answersBeforePreface: 1 },
  wss: { newUnits: () => new UnitStream(tlsFormat), answersBeforePreface: 2 },
};
