import type { Suite } from '../suite.js';
import { isTestFrame, SMALLEST_FRAME_BYTES, sequenceOf, testFrame } from '../test-frames.js';
import { largestFrame, openPair } from './connected-pair.js';
import { bytesOf, type RecordingEnd } from './recording-end.js';

const MANY = 3000;

/** Frames arrive whole, in order, and never early. */
export function frameTests(suite: Suite): void {
  suite.test('frames of every size arrive whole and in order', async (t) => {
    const { client, server } = await openPair(t, suite);
    const lengths = sizes(largestFrame(suite));
    for (const [sender, receiver] of [
      [client, server],
      [server, client],
    ] as const) {
      lengths.forEach((length, sequence) => {
        sendSplit(sender, testFrame(sequence, length), sequence);
      });
      await receiver.arrived(lengths.length);
      lengths.forEach((length, sequence) => {
        t.ok(isTestFrame(receiver.frames[sequence]!.bytes, sequence, length), `${length} bytes`);
      });
    }
  });

  suite.test('small frames sent in one go arrive one by one', async (t) => {
    const { client, server } = await openPair(t, suite);
    for (let i = 0; i < MANY; i++) client.connection.send(testFrame(i, lengthOf(i)));
    await server.arrived(MANY);
    t.ok(server.frames.every(({ bytes }, i) => isTestFrame(bytes, i, lengthOf(i))));
  });

  suite.test('the head may be used again as soon as send returns', async (t) => {
    const { client, server } = await openPair(t, suite);
    const head = new Uint8Array(64);
    for (let i = 0; i < 100; i++) {
      head.set(testFrame(i, head.length));
      client.connection.send(head);
    }
    head.fill(0);
    await server.arrived(100);
    t.ok(server.frames.every(({ bytes }, i) => isTestFrame(bytes, i, head.length)));
  });

  suite.test('a frame is never delivered inside send', async (t) => {
    const { client, server } = await openPair(t, suite);
    let sending = false;
    let reentered = 0;
    let received = 0;
    client.handler = () => {
      if (sending) reentered++;
      received++;
    };
    server.handler = (frame) => {
      sending = true;
      server.connection.send(bytesOf(frame));
      sending = false;
    };
    for (let i = 0; i < 20; i++) client.connection.send(testFrame(i, 32));
    await client.until(() => received === 20, 'the echoes');
    t.equal(reentered, 0);
  });

  suite.test('both sides send while they receive', async (t) => {
    const { client, server } = await openPair(t, suite);
    const rounds = 200;
    let inOrder = true;
    let expected = 0;
    server.handler = (frame) => server.connection.send(bytesOf(frame));
    client.handler = (frame) => {
      inOrder &&= sequenceOf(bytesOf(frame)) === expected;
      if (++expected + 3 < rounds) client.connection.send(testFrame(expected + 3, 5000));
    };
    for (let i = 0; i < 4; i++) client.connection.send(testFrame(i, 5000));
    await client.until(() => expected === rounds, 'all echoes');
    t.ok(inOrder);
  });
}

function lengthOf(sequence: number): number {
  return SMALLEST_FRAME_BYTES + (sequence % 49);
}

function sizes(largest: number): number[] {
  const wanted = [16, 17, 24, 255, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1_048_579, largest];
  return [...wanted.filter((length) => length <= largest), SMALLEST_FRAME_BYTES];
}

/** Head and data divide the frame at another place each time. */
function sendSplit({ connection }: RecordingEnd, frame: Uint8Array, turn: number): void {
  const head = Math.max(SMALLEST_FRAME_BYTES, Math.floor((frame.length * (turn % 4)) / 4));
  if (turn % 4 === 0) connection.send(frame);
  else connection.send(frame.subarray(0, head), frame.subarray(head));
}
