import { setImmediate } from 'node:timers/promises';
import {
  Command,
  connectDevice,
  constants,
  type DeviceClient,
  Feature,
  Region,
  type ServerLimits,
  startBridge,
  TransportRegistry,
} from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { rdmaTransport } from '../src/index.js';
import { RegisteredMemory } from '../src/memory/exposed-memory.js';
import type { FakeFabric } from './fake-fabric.js';
import { machine, serveBench, Warnings } from './support.js';

const { FEATURE_GET, FEATURE_SET } = constants;

const directory = t.testdir();
const BASE = 0x1_0000_0000;
const PAGE = 4096;
const MIB = 2 ** 20;
const ENOENT = 2;

/** Let the bench device fill guest memory with a pattern. @returns its errno. */
async function fill(client: DeviceClient, address: number, length: number, byte: number) {
  const write = async (offset: number, value: number, bytes = 4): Promise<void> => {
    const data = new Uint8Array(8);
    new DataView(data.buffer).setBigUint64(0, BigInt(value), true);
    await client.regionWrite(Region.BAR0, offset, data.subarray(0, bytes));
  };
  const read = async (offset: number): Promise<number> => {
    const data = await client.regionRead(Region.BAR0, offset, 4);
    return new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  };
  await write(register.DMA_DESTINATION, address, 8);
  await write(register.DMA_LENGTH, length, 8);
  await write(register.DMA_CHUNK, 65_536);
  await write(register.DMA_DEPTH, 4);
  await write(register.DMA_REPEAT, 1);
  await write(register.DMA_PATTERN, byte * 0x0101_0101);
  await write(register.DMA_VECTOR, register.NO_VECTOR);
  await write(register.DMA_COMMAND, register.DMA_FILL_GUEST);
  while (((await read(register.DMA_STATUS)) & register.STATUS_DONE) === 0) await setImmediate();
  return read(register.DMA_ERROR);
}

async function connect(t: Test, fabric: FakeFabric, uri: string, warnings = new Warnings()) {
  const client = await connectDevice(uri, { registry: machine(fabric), logger: warnings.logger });
  t.teardown(() => client.close());
  return client;
}

t.test('mapped memory is reached by RDMA, unless it is kept back', async (t) => {
  const { server, fabric } = await serveBench(t);
  const client = await connect(t, fabric, server.uri);
  const memory = client.allocateMemory(4 * PAGE);
  await client.dmaMap({ address: BASE, memory });
  t.equal(await fill(client, BASE + 10, 2 * PAGE, 0x5a), 0);
  t.ok(memory.view(10, 2 * PAGE)?.every((byte) => byte === 0x5a));
  t.equal(memory.view(9, 1)?.[0], 0);
  const { transfers } = fabric;
  t.ok(transfers > 0, 'by RDMA');
  const own = client.allocateMemory(PAGE);
  await client.dmaMap({ address: BASE + MIB, memory: own, share: false });
  t.equal(await fill(client, BASE + MIB, PAGE, 0x21), 0);
  t.ok(own.view(0, PAGE)?.every((byte) => byte === 0x21));
  t.equal(fabric.transfers, transfers, 'by messages');
});

t.test('unmapped memory is out of reach before the answer', async (t) => {
  const { server, fabric } = await serveBench(t);
  const client = await connect(t, fabric, server.uri);
  const before = fabric.regions.size;
  const memory = client.allocateMemory(PAGE);
  await client.dmaMap({ address: BASE, memory });
  t.equal(fabric.regions.size, before + 1);
  await client.dmaUnmap(BASE, PAGE);
  t.equal(fabric.regions.size, before);
  t.equal(await fill(client, BASE, PAGE, 1), ENOENT);
  await client.dmaMap({ address: BASE, memory });
  await client.dmaUnmapAll();
  t.equal(fabric.regions.size, before);
});

t.test('memory that cannot be pinned at once is registered in pieces', async (t) => {
  const { server, fabric } = await serveBench(t);
  const warnings = new Warnings();
  const client = await connect(t, fabric, server.uri, warnings);
  fabric.faults.maxPinned = 12 * MIB;
  const before = fabric.regions.size;
  const memory = client.allocateMemory(40 * MIB);
  await client.dmaMap({ address: BASE, memory });
  t.equal(fabric.regions.size, before + 4, 'of 10 MiB');
  t.strictSame(warnings.texts, []);
  t.equal(await fill(client, BASE + 10 * MIB - PAGE, 2 * PAGE, 0x33), 0);
  t.ok(memory.view(10 * MIB - PAGE, 2 * PAGE)?.every((byte) => byte === 0x33));
});

t.test('what cannot be pinned at all is reached by messages, with a warning', async (t) => {
  const { server, fabric } = await serveBench(t);
  const warnings = new Warnings();
  const client = await connect(t, fabric, server.uri, warnings);
  fabric.faults.maxPinned = PAGE;
  const memory = client.allocateMemory(2 * PAGE);
  await client.dmaMap({ address: BASE, memory });
  t.match(warnings.texts, [/^guest memory cannot be registered.*by messages/]);
  t.equal(await fill(client, BASE, 2 * PAGE, 0x44), 0);
  t.ok(memory.view(0, 2 * PAGE)?.every((byte) => byte === 0x44));
});

t.test('a copy of what others write is not exposed', async (t) => {
  const { fabric } = await serveBench(t);
  const domain = fabric.openDevice('fake0').createProtectionDomain();
  const memory = {
    length: PAGE,
    copyOnWrite: true,
    view: () => new Uint8Array(PAGE),
    read() {},
    write() {},
    close() {},
  };
  const { logger } = new Warnings();
  const rights = { readable: true, writable: false };
  t.strictSame(new RegisteredMemory(domain, memory, rights, logger).ranges, []);
});

t.test('memory that is viewed in windows is registered window by window', async (t) => {
  const { fabric } = await serveBench(t);
  const domain = fabric.openDevice('fake0').createProtectionDomain();
  const bytes = new Uint8Array(8 * PAGE);
  const edge = 3 * PAGE;
  const memory = {
    length: bytes.length,
    view: (offset: number, length: number) =>
      offset < edge && offset + length > edge ? undefined : bytes.subarray(offset, offset + length),
    read() {},
    write() {},
    close() {},
  };
  const rights = { readable: true, writable: true };
  const { ranges } = new RegisteredMemory(domain, memory, rights, new Warnings().logger);
  t.ok(ranges.length > 1);
  let end = 0;
  for (const { offset, length } of ranges) {
    t.equal(offset, end);
    end = offset + length;
  }
  t.equal(end, bytes.length, 'nothing is left out');
});

t.test('through a bridge the device writes the memory that the client shares', async (t) => {
  const { server, fabric } = await serveBench(t);
  const bootstrap = tcpTransport();
  const rdma = rdmaTransport({
    bootstrap,
    verbs: fabric,
    stagingBytes: 2 ** 18,
    chunkBytes: 2 ** 16,
  });
  const registry = new TransportRegistry([unixTransport(), bootstrap, rdma]);
  const listen = `unix://${directory}/bridge.sock`;
  const bridge = await startBridge({ registry, listen, connect: server.uri });
  t.teardown(() => bridge.close());
  const client = await connectDevice(listen, { registry });
  t.teardown(() => client.close());
  const memory = client.allocateMemory(16 * PAGE);
  await client.dmaMap({ address: BASE, memory });

  await logDma(client, Feature.DMA_LOGGING_START, startData());
  const { transfers } = fabric;
  t.equal(await fill(client, BASE + 2 * PAGE, PAGE, 0x66), 0);
  t.ok(memory.view(2 * PAGE, PAGE)?.every((byte) => byte === 0x66));
  t.ok(fabric.transfers > transfers, 'by RDMA');
  t.equal(await dirtyBits(client), 0b100, 'the device says which pages it wrote');
  t.equal(await dirtyBits(client), 0, 'once');
  await logDma(client, Feature.DMA_LOGGING_STOP, new Uint8Array(0));
});

/** A bridge to a device, which logs the pages it writes; it has written the first. */
async function loggedBridge(t: Test, limits: Partial<ServerLimits>) {
  const { server, fabric } = await serveBench(t, { limits });
  const registry = new TransportRegistry([
    unixTransport(),
    rdmaTransport({ bootstrap: tcpTransport(), verbs: fabric }),
  ]);
  const listen = `unix://${directory}/lost-${limits.holdMs}.sock`;
  const bridge = await startBridge({ registry, listen, connect: server.uri });
  t.teardown(() => bridge.close());
  const client = await connectDevice(listen, { registry });
  t.teardown(() => client.close());
  const memory = client.allocateMemory(16 * PAGE);
  await client.dmaMap({ address: BASE, memory, length: 4 * PAGE });
  const rest = { memory, offset: 4 * PAGE, writable: false };
  await client.dmaMap({ ...rest, address: BASE + 4 * PAGE });
  await logDma(client, Feature.DMA_LOGGING_START, startData());
  t.equal(await fill(client, BASE, PAGE, 0x66), 0);
  return { client, fabric };
}

t.test('the log of pages goes on over another link to the device', async (t) => {
  const { client, fabric } = await loggedBridge(t, { holdMs: 60_000 });
  fabric.removeDevices();
  t.equal(await dirtyBits(client), 0b1);
  t.equal(await fill(client, BASE + 2 * PAGE, PAGE, 0x66), 0);
  t.equal(await dirtyBits(client), 0b100);
});

t.test('the log of pages goes on when the session with the device was lost', async (t) => {
  const { client, fabric } = await loggedBridge(t, { holdMs: 0 });
  fabric.removeDevices();
  const id = async (): Promise<number> => (await client.regionRead(Region.BAR0, 0, 4))[0] as number;
  while ((await id()) !== 0xff) await setImmediate();
  while ((await id()) === 0xff) await setImmediate();
  t.equal(await dirtyBits(client), 0b1111, 'what was not reported may be any of what it may write');
  t.equal(await fill(client, BASE + 2 * PAGE, PAGE, 0x66), 0);
  t.equal(await dirtyBits(client), 0b100, 'and the device logs again');
});

async function logDma(client: DeviceClient, feature: number, data: Uint8Array) {
  const argsz = 8 + data.length + 8;
  await client.call(
    Command.DEVICE_FEATURE,
    { argsz, flags: FEATURE_SET | feature, data },
    () => undefined,
  );
}

function startData(): Uint8Array {
  const data = new Uint8Array(16);
  new DataView(data.buffer).setUint32(0, PAGE, true);
  return data;
}

/** One bit for each of the 16 pages. */
async function dirtyBits(client: DeviceClient): Promise<number> {
  const data = new Uint8Array(24);
  const view = new DataView(data.buffer);
  view.setBigUint64(0, BigInt(BASE), true);
  view.setBigUint64(8, BigInt(16 * PAGE), true);
  view.setBigUint64(16, BigInt(PAGE), true);
  const flags = FEATURE_GET | Feature.DMA_LOGGING_REPORT;
  return client.call(Command.DEVICE_FEATURE, { argsz: 8 + 24 + 8, flags, data }, (body) =>
    new DataView(body.data.buffer, body.data.byteOffset).getUint32(24, true),
  );
}
