import {
  Command,
  diagnostics,
  type InterruptSent,
  Irq,
  type LinkChange,
  type RequestHandled,
} from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import t from 'tap';
import { BridgeFixture, eventually } from './bridge-fixture.js';

t.test(
  'a bridge tells what it passes on, and that its device was lost and came back',
  async (t) => {
    const links: LinkChange[] = [];
    const requests: RequestHandled[] = [];
    const onLink = (change: LinkChange): void => void links.push(change);
    const onRequest = (request: RequestHandled): void => void requests.push(request);
    diagnostics.link.subscribe(onLink);
    diagnostics.request.subscribe(onRequest);
    t.teardown(() => {
      diagnostics.link.unsubscribe(onLink);
      diagnostics.request.unsubscribe(onRequest);
    });
    const fixture = await BridgeFixture.open(t);
    const { deviceUri: device } = fixture;
    const server = await fixture.serveBench();
    const driver = await fixture.drive();
    await driver.read32(register.ID);
    const reads = requests.filter(({ command }) => command === Command.REGION_READ);
    t.match(reads, [{ errno: 0 }, { errno: 0 }], 'by the device, and then by the bridge');
    t.ok((reads[1] as RequestHandled).durationMs >= (reads[0] as RequestHandled).durationMs);

    await server.close();
    await eventually(() => links.length === 1);
    await fixture.serveBench();
    await eventually(() => links.length === 2);
    t.match(links, [
      { event: 'lost', device, error: Error },
      { event: 'reached-again', device },
    ]);
  },
);

t.test(
  'an interrupt is told of by the device and by the bridge, each with its client',
  async (t) => {
    const sent: InterruptSent[] = [];
    const onInterrupt = (interrupt: InterruptSent): void => void sent.push(interrupt);
    diagnostics.interrupt.subscribe(onInterrupt);
    t.teardown(() => diagnostics.interrupt.unsubscribe(onInterrupt));
    const fixture = await BridgeFixture.open(t);
    const server = await fixture.serveBench();
    const driver = await fixture.drive();
    const { client } = server.statistics();
    await driver.client.enableInterrupts(Irq.MSIX, 1, () => {});
    await driver.ring(0);
    await eventually(() => sent.length === 2);
    t.match(sent, [
      { device: 'bench', peer: client, index: Irq.MSIX, vector: 0, count: 1 },
      { device: fixture.deviceUri, peer: String, index: Irq.MSIX, vector: 0, count: 1 },
    ]);
  },
);
