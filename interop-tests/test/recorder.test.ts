// The relay that records sessions, between two ends of our own: needs no QEMU.

import { join } from 'node:path';
import { Command, constants, type Frame, type FrameSink } from '@vfio-user/core';
import { nativeEncodingFor } from '@vfio-user/core/internal';
import { createEventFd, createMemoryFile, type FileDescriptor } from '@vfio-user/posix-ffi';
import { readRecording, writeRecording } from '@vfio-user/transport-testing';
import { unixTransport } from '@vfio-user/transport-unix';
import t from 'tap';
import { recordingRelay } from '../record/recording-relay.js';

const { HEADER_BYTES } = constants;

const context = { framing: nativeEncodingFor(4096).framing };

function header(command: number, id: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt16LE(id, 0);
  bytes.writeUInt16LE(command, 2);
  bytes.writeUInt32LE(HEADER_BYTES, 4);
  return bytes;
}

function sink(onFrame: (frame: Frame) => void): FrameSink {
  return { onFrame, onDrain() {}, onClose() {} };
}

t.test('a session is passed on and written down, with what its descriptors were', async (t) => {
  const folder = t.testdir();
  // Abstract names: a test's own folder is often too long for a socket address.
  const name = `@vfio-user-recorder-${process.pid}`;
  const transport = unixTransport();
  const arrived: number[] = [];
  const server = await transport.listen(
    new URL(`unix:${name}`),
    (connection) =>
      sink(({ bytes, start, length, descriptors }) => {
        arrived.push(descriptors.length);
        for (const descriptor of descriptors) descriptor.close();
        connection.send(bytes.slice(start, start + length));
      }),
    context,
  );
  const { recorder, listener } = await recordingRelay(`unix:${name}-relay`, server.uri);
  let answered: () => void = () => {};
  const replied = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const client = await transport.connect(
    new URL(listener.uri),
    () =>
      sink(({ view, start }) => {
        if (view.getUint16(start, true) === 3) answered();
      }),
    context,
  );

  const ram = createMemoryFile('ram', 8192);
  const other = createMemoryFile('other', 4096);
  const sent: FileDescriptor[][] = [[ram], [other], [ram.duplicate(), createEventFd()], []];
  for (const [id, descriptors] of sent.entries()) {
    const copies = descriptors.map((each) => each.duplicate());
    client.send(header(Command.DMA_MAP, id), undefined, copies);
  }
  await replied;
  await client.close();
  await recorder.ended;
  for (const descriptor of sent.flat()) descriptor.close();
  await Promise.all([listener.close(), server.close()]);

  t.strictSame(arrived, [1, 1, 2, 0], 'the descriptors have reached the server');
  const path = join(folder, 'session.jsonl.gz');
  const origin = { device: 'gpio', settings: {}, client: 'test', scenario: 'four messages' };
  writeRecording(path, { origin, messages: recorder.messages });
  const recording = readRecording(path);
  t.strictSame(recording.origin, origin);
  const from = (side: string) => recording.messages.filter((message) => message.from === side);
  t.equal(recording.messages[0]?.t, 0, 'time begins with the first message');
  t.strictSame(
    from('client').map(({ descriptors }) => descriptors),
    [
      [{ kind: 'memory', size: 8192, file: 0 }],
      [{ kind: 'memory', size: 4096, file: 1 }],
      [{ kind: 'memory', size: 8192, file: 0 }, { kind: 'event' }],
      undefined,
    ],
  );
  for (const side of ['client', 'server']) {
    t.strictSame(
      from(side).map(({ bytes }) => bytes),
      sent.map((_, id) => header(Command.DMA_MAP, id).toString('hex')),
    );
  }
});
