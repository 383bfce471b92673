import { once } from 'node:events';
import { type DeviceClient, Irq, Region } from '@vfio-user/core';
import { benchRegisters } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import t, { type Test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { LiveTrace } from './live-trace.js';

const PAGE = 4096;

/** The device fills a page of guest memory and interrupts. */
async function exercise(t: Test, client: DeviceClient): Promise<void> {
  let signalled: () => void = () => {};
  const interrupt = new Promise<void>((resolve) => {
    signalled = resolve;
  });
  await client.enableInterrupts(Irq.MSIX, 2, (vector) => {
    if (vector === 1) signalled();
  });
  const memory = client.allocateMemory(PAGE);
  await client.dmaMap({ address: 0x1_0000, memory });
  await new TestDeviceDriver(client).startDma({
    command: benchRegisters.DMA_FILL_GUEST,
    destination: 0x1_0000,
    length: PAGE,
    pattern: 0x5a5a_5a5a,
    vector: 1,
  });
  await interrupt;
  const page = new Uint8Array(PAGE);
  memory.read(0, page);
  t.ok(
    page.every((byte) => byte === 0x5a),
    'the memory is written before the interrupt',
  );
}

t.test('a session with descriptors passes, its registers have names', async (t) => {
  const folder = socketFolder(t);
  const trace = await LiveTrace.start(t, {
    listen: `unix://${folder}/near.sock`,
    serve: `unix://${folder}/far.sock`,
  });
  const client = await trace.connect();
  // Reading configuration space is how a trace learns what device it is.
  await client.regionRead(Region.CONFIG, 0, 256);
  await exercise(t, client);
  await client.close();
  await trace.reader.line(/= session 1 has ended$/);
  const { lines } = trace.reader;
  t.match(lines[0], /= session 1 of process \d+ .*, native encoding$/);
  for (const pattern of [
    /→ #\d+ +DEVICE_SET_IRQS +MSIX \[0, \+2\] eventfd\|trigger fds=2$/,
    /→ #\d+ +DMA_MAP +0x10000\+4K read\|write offset 0x0 fds=1$/,
    /→ #\d+ +REGION_WRITE +BAR0\+0x100 bench DMA_COMMAND \[4\] = 0x00000004$/,
    /← #\d+ +REGION_WRITE +[\d.]+.?s BAR0\+0x100 bench DMA_COMMAND \[4\]$/,
  ]) {
    t.ok(
      lines.some((line) => pattern.test(line)),
      pattern.source,
    );
  }
  t.notOk(
    lines.some((line) => /DMA_WRITE|INTERRUPT/.test(line)),
    'what is shared is not seen',
  );
});

t.test('over networks, memory and interrupts are messages, after the prefaces', async (t) => {
  const folder = socketFolder(t);
  const cases = [
    { listen: 'tcp://127.0.0.1:0', serve: 'tcp://127.0.0.1:0' },
    { listen: `unix://${folder}/near.sock?encoding=portable`, serve: 'tcp://127.0.0.1:0' },
  ];
  for (const uris of cases) {
    const trace = await LiveTrace.start(t, uris);
    const client = await trace.connect();
    await exercise(t, client);
    await client.close();
    await trace.reader.line(/= session 1 has ended$/);
    const { lines } = trace.reader;
    t.match(lines[1], /→ +preface +1\.1 acknowledge .*interrupt/);
    t.match(lines[2], /← +preface +1\.1 acknowledge .*interrupt/);
    t.ok(lines.some((line) => /← #\d+ +DMA_WRITE +0x10000 \[\d+\] = 5a 5a/.test(line)));
    t.ok(lines.some((line) => /← #\d+ +INTERRUPT +MSIX vector 1 \(no reply\)$/.test(line)));
  }
});

t.test('descriptors that cannot pass end the session, and the next one is served', async (t) => {
  const trace = await LiveTrace.start(t, {
    listen: `unix://${socketFolder(t)}/near.sock`,
    serve: 'tcp://127.0.0.1:0?encoding=native',
  });
  const client = await trace.connect();
  await t.rejects(client.dmaMap({ address: 0, memory: client.allocateMemory(PAGE) }));
  await trace.reader.line(/session 1 has ended: the client passed 1 descriptor.* use a bridge$/);

  const careful = await trace.connect();
  const memory = careful.allocateMemory(PAGE);
  await careful.dmaMap({ address: 0, memory, share: false });
  await new TestDeviceDriver(careful).write32(benchRegisters.SCRATCH, 1);
  await careful.close();
  await trace.reader.line(/session 2 has ended$/);
});

t.test('a server that leaves ends the session, one that is away refuses it', async (t) => {
  const folder = socketFolder(t);
  const trace = await LiveTrace.start(t, {
    listen: `unix://${folder}/near.sock`,
    serve: `unix://${folder}/far.sock`,
  });
  const client = await trace.connect();
  await trace.server.close();
  await t.rejects(client.regionRead(Region.BAR0, 0, 4));
  await trace.reader.line(/session 1 has ended/);
  await t.rejects(trace.connect());
  await trace.reader.line(/session 2 has ended: .*far\.sock/);
});

t.test('a length that cannot be right ends its session only', async (t) => {
  const folder = socketFolder(t);
  const trace = await LiveTrace.start(t, {
    listen: `unix://${folder}/near.sock`,
    serve: `unix://${folder}/far.sock`,
  });
  const hostile = await trace.connectRaw();
  const header = Buffer.alloc(16);
  header.writeUInt16LE(10, 2);
  header.writeUInt32LE(0xffff_fff0, 4);
  hostile.write(header);
  await once(hostile, 'close');
  await trace.reader.line(/session 1 has ended: REGION_WRITE: msg_size is 4294967280/);
  const client = await trace.connect();
  t.equal((await client.regionRead(Region.BAR0, 0, 4)).length, 4);
});

t.test('a message nobody understands is shown and passed on', async (t) => {
  const folder = socketFolder(t);
  const trace = await LiveTrace.start(t, {
    listen: `unix://${folder}/near.sock`,
    serve: `unix://${folder}/far.sock`,
  });
  const client = await trace.connectRaw();
  const version = Buffer.concat([Buffer.alloc(16), Buffer.from([0, 0, 1, 0]), Buffer.from('{}\0')]);
  version.writeUInt16LE(1, 2);
  version.writeUInt32LE(version.length, 4);
  const unknown = Buffer.alloc(18, 0xee);
  unknown.fill(0, 0, 16);
  unknown.writeUInt16LE(7, 0);
  unknown.writeUInt16LE(99, 2);
  unknown.writeUInt32LE(18, 4);
  client.write(Buffer.concat([version, unknown]));
  const line = await trace.reader.line(/→ #7 .*unknown command \| 07 00 63 00 12 .* ee ee$/);
  t.match(line, 'command 99');
  await trace.reader.line(/← #7 +command 99 +[\d.]+.?s invalid argument/);
});

t.test('a reader that stops slows the session down, and misses nothing', async (t) => {
  const folder = socketFolder(t);
  const trace = await LiveTrace.start(t, {
    listen: `unix://${folder}/near.sock`,
    serve: `unix://${folder}/far.sock`,
  });
  const client = await trace.connect();
  await trace.reader.line(/DEVICE_GET_INFO .* regions/);
  trace.reader.stop();
  let answered = 0;
  const reads = Array.from({ length: 200 }, async () => {
    await client.regionRead(Region.BAR0, 0x10, 4);
    answered += 1;
  });
  // The reads are on their way; the trace passes few of them before its output is full.
  while (!trace.reader.writableNeedDrain) await new Promise(setImmediate);
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  t.ok(answered < 200, `${answered} reads were answered`);
  trace.reader.go();
  await Promise.all(reads);
  await client.close();
  await trace.reader.line(/session 1 has ended/);
  const replies = trace.reader.lines.filter((line) => /← .*REGION_READ/.test(line));
  t.equal(replies.length, 200);
});
