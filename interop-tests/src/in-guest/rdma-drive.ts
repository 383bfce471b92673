// rdma-drive URI: drives the bench device of another machine (rdma-serve).

import { runChecks } from './checks.js';
import { CountedRdma } from './counted-rdma.js';
import { keepsOrder, movesMemory, openDevice } from './rdma-dma.js';

const [uri = ''] = process.argv.slice(2);
const rdma = new CountedRdma();

await runChecks((t) => {
  t.test('the far adapter reads and writes guest memory', async (t) => {
    await movesMemory(t, await openDevice(t, uri, rdma.registry), rdma);
  });
  t.test('no interrupt comes before the DMA it announces', async (t) => {
    await keepsOrder(t, await openDevice(t, uri, rdma.registry));
  });
});
