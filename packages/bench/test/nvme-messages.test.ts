import { type Bridge, connectDevice, serve, startBridge, TransportRegistry } from '@vfio-user/core';
import { Peer } from '@vfio-user/core/internal';
import { nvme } from '@vfio-user/devices';
import { NvmeDriver } from '@vfio-user/drivers';
import { MessageSocket } from '@vfio-user/posix-ffi';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { Disk } from '../src/workloads/nvme-disk.js';

/** What a read of 4 KiB takes by messages is counted: time tells little of a machine that is shared. */

const BLOCKS = 64;
const READS = 640;
const counts = { messages: 0, sends: 0 };

// Both ends run in this process: what is counted are those of both.
const { onFrame } = Peer.prototype;
Peer.prototype.onFrame = function (frame) {
  counts.messages++;
  onFrame.call(this, frame);
};
const { send } = MessageSocket.prototype;
MessageSocket.prototype.send = function (...message) {
  counts.sends++;
  return send.apply(this, message);
};

const registry = new TransportRegistry([tcpTransport(), unixTransport()]);

async function openDisk(t: Test, bridged: boolean): Promise<Disk> {
  const options = nvme.options.parse({ size: String(BLOCKS * NvmeDriver.BLOCK_BYTES) });
  const server = await serve({ definition: nvme, options, registry, listen: 'tcp://127.0.0.1:0' });
  t.teardown(() => server.close());
  let bridge: Bridge | undefined;
  if (bridged) {
    const listen = `unix:@vfu-bench-messages-${process.pid}`;
    bridge = await startBridge({ registry, listen, connect: server.uri });
    t.teardown(() => bridge?.close());
  }
  const driver = await NvmeDriver.open(
    await connectDevice(bridge?.uri ?? server.uri, { registry }),
  );
  t.teardown(() => driver.close());
  return new Disk(driver);
}

/** Messages and sends of a read, with so many under way. */
async function perRead(disk: Disk, depth: number): Promise<{ messages: number; sends: number }> {
  let begun = 0;
  const before = { ...counts };
  const next = (): number => (begun < READS ? begun++ % BLOCKS : -1);
  await disk.transfer({ direction: 'read', depth, next });
  return {
    messages: (counts.messages - before.messages) / READS,
    sends: (counts.sends - before.sends) / READS,
  };
}

t.test('a read over tcp is five messages in two segments', async (t) => {
  const disk = await openDisk(t, false);
  const { messages, sends } = await perRead(disk, 1);
  // Two doorbells; data, completion, interrupt. Now and then a write is answered.
  t.ok(messages >= 5 && messages < 5.2, `${messages} messages`);
  t.ok(sends < 2.3, `${sends} sends`);
});

t.test('reads over tcp share their messages and segments', async (t) => {
  const disk = await openDisk(t, false);
  const { messages, sends } = await perRead(disk, 32);
  t.ok(messages < 1.5, `${messages} messages`);
  t.ok(sends < 0.5, `${sends} sends`);
});

t.test('a bridge adds the doorbells of its client, and nothing back', async (t) => {
  const disk = await openDisk(t, true);
  const { messages, sends } = await perRead(disk, 1);
  t.ok(messages >= 7 && messages < 7.2, `${messages} messages`);
  t.ok(sends < 4.5, `${sends} sends`);
});
