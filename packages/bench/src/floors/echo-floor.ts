import type { CaseRunner, WorkDone } from '../engine/contender.js';
import { type Histogram, recordMilliseconds } from '../statistics.js';
import { EchoClient } from './echo-client.js';
import type { EchoWork } from './floor-work.js';

/** A plain socket: this process against the echo server at `uri`. */
export function echoFloor(uri: string, work: EchoWork, rate: number): CaseRunner {
  if (work.reconnects) {
    return { measure: (milliseconds, latencies) => reconnect(uri, work, milliseconds, latencies) };
  }
  const client = new EchoClient(uri, work);
  return {
    measure: (milliseconds, latencies) =>
      work.loop === 'open'
        ? openEcho(client, rate, milliseconds, latencies)
        : closedEcho(client, work, milliseconds, latencies),
    close: () => client.close(),
  };
}

/** Keeps `depth` replies due. */
function closedEcho(
  client: EchoClient,
  { depth, requestsPerReply }: EchoWork,
  milliseconds: number,
  latencies: Histogram,
): WorkDone {
  const sentAt = new Float64Array(depth);
  const startedAt = performance.now();
  const end = startedAt + milliseconds;
  let sent = 0;
  const send = (): void => {
    sentAt[sent % depth] = performance.now();
    for (let request = 0; request < requestsPerReply; request++) client.send();
    sent++;
  };
  while (sent < depth) send();
  let received = 0;
  let now = startedAt;
  while (received < sent) {
    client.receive();
    now = performance.now();
    recordMilliseconds(latencies, now - (sentAt[received % depth] as number)); // below depth
    received++;
    if (now < end) send();
  }
  return { operations: received * requestsPerReply, milliseconds: now - startedAt };
}

function openEcho(
  client: EchoClient,
  rate: number,
  milliseconds: number,
  latencies: Histogram,
): WorkDone {
  const startedAt = performance.now();
  const count = Math.max(1, Math.floor((milliseconds * rate) / 1000));
  for (let index = 0; index < count; index++) {
    const due = startedAt + (index * 1000) / rate;
    while (performance.now() < due);
    client.send();
    client.receive();
    recordMilliseconds(latencies, performance.now() - due);
  }
  return { operations: count, milliseconds: performance.now() - startedAt };
}

function reconnect(
  uri: string,
  work: EchoWork,
  milliseconds: number,
  latencies: Histogram,
): WorkDone {
  let operations = 0;
  let total = 0;
  const end = performance.now() + milliseconds;
  while (operations === 0 || performance.now() < end) {
    const before = performance.now();
    const client = new EchoClient(uri, work);
    client.send();
    client.receive();
    const elapsed = performance.now() - before;
    client.close();
    recordMilliseconds(latencies, elapsed);
    total += elapsed;
    operations++;
  }
  return { operations, milliseconds: total };
}
