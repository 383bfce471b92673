// Tests of node-rdma-ffi on a device: how it is found, and how everything ends.

import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import {
  type DeviceEvent,
  type DeviceEventCode,
  NativeBuffer,
  openDevice,
  probe,
} from 'node-rdma-ffi';
import type { Test } from 'tap';
import { connectedEnds, End, rxe } from './rdma-ends.js';

export async function findsTheDevice(t: Test): Promise<void> {
  const found = probe();
  if (!found.available) throw new Error(found.reason);
  t.match(found.devices, [
    {
      name: 'rxe0',
      guid: /^([0-9a-f]{4}:){3}[0-9a-f]{4}$/,
      transport: 'infiniband',
      ports: [{ number: 1, state: 'active', linkLayer: 'ethernet', lid: 0, activeMtuBytes: 4096 }],
    },
  ]);
  const gids = found.devices[0]?.ports[0]?.gids ?? [];
  t.ok(gids.some((gid) => gid.gid.startsWith('fe80::') && gid.type === 'roce-v2'));
  t.match(
    gids.find((gid) => gid.gid === '::ffff:a00:1'),
    { type: 'roce-v2', interface: 'eth0' },
  );
  t.throws(() => openDevice('mlx9_0'), { code: 'RDMA_INVALID', message: 'there is rxe0' });
}

export async function saysWhatItOffers(t: Test): Promise<void> {
  const device = openDevice('rxe0');
  t.teardown(() => device.close());
  const { attributes } = device;
  t.equal(attributes.ports, 1);
  for (const value of [attributes.maxMrBytes, attributes.maxQpWr, attributes.maxCqe]) {
    t.ok(value > 1000 && Number.isSafeInteger(value), String(value));
  }
  t.ok(attributes.maxQpRdAtom > 0);
  t.throws(() => device.queryPort(2), { code: 'RDMA_VERB_FAILED', verb: 'ibv_query_port' });
  t.throws(() => device.createCompletionQueue({ depth: 2 ** 31 - 1 }), {
    verb: 'ibv_create_cq',
    message: 'maxCqe',
  });
}

export async function refusesMemoryThatIsNotThere(t: Test): Promise<void> {
  const device = openDevice('rxe0');
  t.teardown(() => device.close());
  const domain = device.createProtectionDomain();
  t.throws(() => domain.register({ address: 4096, length: 4096 }, {}), {
    verb: 'ibv_reg_mr',
    message: 'not mapped',
  });
  t.throws(() => domain.register(new Uint8Array(10), { remoteWrite: true }), {
    code: 'RDMA_INVALID',
  });
  t.throws(() => domain.register(new Uint8Array(0), {}), { code: 'RDMA_INVALID' });
}

export async function keepsRegisteredMemory(t: Test): Promise<void> {
  const device = openDevice('rxe0');
  t.teardown(() => device.close());
  const buffer = new NativeBuffer(5000);
  t.equal(buffer.address % 4096, 0);
  const region = device.createProtectionDomain().register(buffer.bytes, { remoteRead: true });
  t.match(region, { address: buffer.address, length: 5000 });
  t.throws(() => buffer.release(), { code: 'RDMA_INVALID' });
  region.close();
  region.close();
  buffer.release();
  buffer.release();
  t.equal(buffer.bytes.length, 0);
}

export async function refusesImpossiblePeers(t: Test): Promise<void> {
  const end = new End();
  t.teardown(() => end.device.close());
  const peer = end.pair.parameters;
  t.equal(end.pair.state(), 'init');
  for (const wrong of [
    { queuePair: 2 ** 24 },
    { packetSequence: -1 },
    { gid: 'fe80::1%eth0' },
    { mtuBytes: 1500 },
    { maxReads: 0.5 },
  ]) {
    t.throws(() => end.pair.connect({ ...peer, ...wrong }), { code: 'RDMA_INVALID' });
  }
  t.throws(() => end.pair.connect({ ...peer, gid: '::ffff:192.0.2.1' }), {
    verb: 'ibv_modify_qp',
    message: 'GID',
  });
  const { name } = rxe();
  const other = openDevice(name);
  t.teardown(() => other.close());
  const domain = other.createProtectionDomain();
  const options = { sendQueue: end.queue, receiveQueue: end.queue, maxSend: 1, maxReceive: 1 };
  t.throws(() => domain.createQueuePair({ ...options, port: 1, gidIndex: 1 }), {
    message: 'same device',
  });
  t.throws(() => end.domain.createQueuePair({ ...options, port: 1, gidIndex: 77 }), {
    message: '::ffff:a00:1',
  });
  t.throws(
    () => end.domain.createQueuePair({ ...options, maxSend: 2 ** 30, port: 1, gidIndex: 1 }),
    { code: 'RDMA_VERB_FAILED', verb: 'ibv_create_qp' },
  );
}

export async function closesInAnyOrder(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  left.device.close();
  left.device.close();
  const isClosed = { code: 'RDMA_CLOSED' };
  t.throws(() => left.receive(1), isClosed);
  t.throws(() => left.pair.postSend({ id: 1 }), isClosed);
  t.throws(() => left.pair.state(), isClosed);
  t.throws(() => left.queue.poll(), isClosed);
  t.throws(() => left.domain.register(left.buffer.bytes, {}), isClosed);
  t.throws(() => left.device.createProtectionDomain(), isClosed);
  left.region.close();
  left.buffer.release();

  // A parent before its children, from the other side.
  right.queue.close();
  t.throws(() => right.pair.state(), isClosed);
  right.domain.close();
  right.pair.close();
  right.region.close();
  right.device.close();
}

export async function closesInsideTheHandler(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  const { name, gidIndex } = rxe();
  const device = openDevice(name);
  t.teardown(() => device.close());
  const queue = device.createCompletionQueue({ depth: 10 });
  const pair = device.createProtectionDomain().createQueuePair({
    sendQueue: queue,
    receiveQueue: queue,
    maxSend: 1,
    maxReceive: 1,
    port: 1,
    gidIndex,
  });
  const handled = new Promise<number>((resolve) => {
    queue.start((count) => {
      t.equal(queue.poll(), 0, 'one handler at a time');
      device.close();
      resolve(count);
    });
  });
  pair.postReceive({ id: 1 });
  pair.fail();
  t.equal(await handled, 1);
  t.equal(left.pair.state(), 'ready-to-send', 'others are not touched');
  t.equal(right.pair.state(), 'ready-to-send');
}

/** An interface that goes down and comes back. */
export async function hearsOfThePort(t: Test): Promise<void> {
  const device = openDevice('rxe0');
  t.teardown(() => device.close());
  const events: DeviceEvent[] = [];
  const heard = (code: DeviceEventCode): Promise<void> =>
    new Promise((resolve) => {
      const unsubscribe = device.onEvent((event) => {
        events.push(event);
        if (event.code !== code) return;
        unsubscribe();
        resolve();
      });
    });
  const down = heard('PORT_ERR');
  // An event alone does not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  execFileSync('/usr/bin/ip', ['link', 'set', 'eth0', 'down']);
  await down;
  t.equal(device.queryPort(1).state, 'down');
  const up = heard('PORT_ACTIVE');
  execFileSync('/usr/bin/ip', ['link', 'set', 'eth0', 'up']);
  await up;
  t.ok(events.every((event) => !('port' in event) || event.port === 1));
  const forgotten = device.onEvent(() => t.fail('a listener that was taken away'));
  forgotten();
  forgotten();
}

/** The kernel waits until nobody has the device open: nothing may have been left behind. */
export async function letsTheDeviceGo(t: Test): Promise<void> {
  const [left, right] = connectedEnds(t);
  const deleted = promisify(execFile)('/usr/bin/rdma', ['link', 'delete', 'rxe0']);
  left.device.close();
  right.device.close();
  await deleted;
  t.match(probe(), { available: false, reason: /^there is no RDMA device: .*rdma link add rxe0/ });
}
