/**
 * What QEMU said to our devices, recorded by interop-tests/record, is said to them again, and they
 * must answer as they did. No byte is left out of the comparison: of the two fields that differ from
 * server to server, the serial number of nvme was given when the recordings were made, and the number
 * of mappings, which depends on what else the process holds, is given here. How replies and DMA
 * requests mix depends on time and is not compared.
 *
 * Two things are not in a recording. What shared memory held: with it, nvme finds empty queues, so
 * `nvme-shared` covers registers, mappings and interrupt set-up, and `nvme-anonymous` the commands
 * and their data. And signals of eventfds, which do not pass through the socket.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve, TransportRegistry } from '@vfio-user/core';
import { builtinDevices } from '@vfio-user/devices';
import { type Recording, readRecording } from '@vfio-user/transport-testing';
import t, { type Test } from 'tap';
import { unixTransport } from '../../src/index.js';
import { RawClient } from '../protocol/raw-client.js';
import { Replay } from './replay.js';

/** Any process can hold so many. As many digits as in the recordings. */
const MAX_DMA_MAPS = 10_000;
const hex = (text: string): string => Buffer.from(text).toString('hex');
const RECORDED_MAPS = new RegExp(`${hex('"max_dma_maps":')}(3\\d){5}`);

function load(name: string): Recording {
  const file = fileURLToPath(new URL(`fixtures/${name}.jsonl.gz`, import.meta.url));
  const recording = readRecording(file);
  const messages = recording.messages.map((message) => ({
    ...message,
    bytes:
      message.from === 'server'
        ? message.bytes.replace(RECORDED_MAPS, hex(`"max_dma_maps":${MAX_DMA_MAPS}`))
        : message.bytes,
  }));
  return { ...recording, messages };
}

async function serveRecorded(
  t: Test,
  { device, settings }: Recording['origin'],
): Promise<RawClient> {
  const definition = builtinDevices.get(device);
  if (definition === undefined) throw new Error(`a recording of ${device}, which there is not`);
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const path = join(folder, 's');
  const server = await serve({
    definition,
    options: definition.options.parse(settings),
    registry: new TransportRegistry([unixTransport()]),
    listen: `unix://${path}`,
    limits: { maxDmaMaps: MAX_DMA_MAPS },
  });
  const client = new RawClient(path);
  t.teardown(async () => {
    client.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return client;
}

for (const name of ['gpio', 'nvme-shared', 'nvme-anonymous']) {
  const recording = load(name);
  const { client: recorded, device, scenario } = recording.origin;

  t.test(`${device} answers ${recorded} as recorded: ${scenario}`, async (t) => {
    const client = await serveRecorded(t, recording.origin);
    const fromServer = recording.messages.filter(({ from }) => from === 'server');
    t.equal(await Replay.run(recording, client), fromServer.length);
  });
}

t.test('a change of what the server answers is noticed', async (t) => {
  const recording = load('gpio');
  const settings = { ...recording.origin.settings, inputs: '0xa5f1' };
  const client = await serveRecorded(t, { ...recording.origin, settings });
  await t.rejects(Replay.run(recording, client), /\(REGION_READ\) differs at byte 32\n/);
});

t.test('a message of the server that was not recorded is noticed', async (t) => {
  const recording = load('gpio');
  const last = recording.messages.findLastIndex(({ from }) => from === 'server');
  const messages = recording.messages.toSpliced(last, 1);
  const client = await serveRecorded(t, recording.origin);
  await t.rejects(Replay.run({ ...recording, messages }, client), /1 messages more than recorded/);
});
