// Bridges from UNIX sockets to devices.

import { startBridge } from '@vfio-user/core';
import { endWithParent, loggerOf, registry, taskOf } from './child.js';
import { type BridgeTask, HOLD_MS, SILENCE_MS } from './messages.js';

// The client waits as long as it takes: no answer may be made up.
const options = { linkTimeoutMs: SILENCE_MS, answerTimeoutMs: HOLD_MS, logger: loggerOf() };
const bridges = await Promise.all(
  taskOf<BridgeTask>().bridges.map((uris) => startBridge({ registry, ...uris, ...options })),
);
endWithParent(async () => {
  await Promise.all(bridges.map((bridge) => bridge.close()));
});
process.stdout.write(`listening ${bridges.map(({ uri }) => uri).join(' ')}\n`);
