// rdma-bench URI...: lends guest memory to each of these devices (rdma-bench-serve) in turn, until it has measured.

import { connectDevice, Irq, TransportRegistry } from '@vfio-user/core';
import { rdmaTransport } from '@vfio-user/transport-rdma';
import { tcpTransport } from '@vfio-user/transport-tcp';

const tcp = tcpTransport({ insecure: true });
const registry = new TransportRegistry([tcp, rdmaTransport({ bootstrap: tcp })]);

for (const uri of process.argv.slice(2)) {
  const client = await connectDevice(uri, { registry, timeoutMs: 60_000 });
  const measured = new Promise<void>((resolve) => {
    void client.enableInterrupts(Irq.MSIX, 1, () => resolve());
  });
  const memory = client.allocateMemory(2 ** 20);
  await client.dmaMap({ address: 0x1_0000_0000, memory });
  await measured;
  await client.close();
}
