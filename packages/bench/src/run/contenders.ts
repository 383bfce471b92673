import { type CaseRunner, type Contender, measureRound } from '../engine/contender.js';
import { copyFloor } from '../floors/copy-floor.js';
import { echoFloor } from '../floors/echo-floor.js';
import type { FloorWork } from '../floors/floor-work.js';
import { decodeHistogram } from '../statistics.js';
import type { EchoServers } from '../targets/echo-servers.js';
import type { Target } from '../targets/target.js';
import type { WorkloadCase } from '../workloads/workload.js';
import type { ClientProcess } from './client-process.js';

/** A target whose client has a workload open. */
export interface OpenTarget {
  readonly target: Target;
  readonly client: ClientProcess;
  /** Of the server. */
  readonly pid: number | undefined;
}

/**
 * The contenders of a case, with the floors they need: one for all that need the same. In the order
 * in which they take turns: a transport comes behind its floor.
 */
export async function contendersOf(
  workloadCase: WorkloadCase,
  targets: readonly OpenTarget[],
  echo: EchoServers,
  rate: number,
): Promise<readonly Contender[]> {
  const floors = new Map<string, Contender>();
  const contenders: Contender[] = [];
  for (const { target, client, pid } of targets) {
    const { isPossible, floor: work } = await client.ask<'begin'>({ type: 'begin', workloadCase });
    if (!isPossible) continue;
    const key = JSON.stringify([work, work?.kind === 'echo' ? target.socket : '']);
    let floor = floors.get(key);
    if (floor === undefined && work !== null) {
      floor = await floorOf(work, target, echo, rate);
      if (floor !== undefined) {
        floors.set(key, floor);
        contenders.push(floor);
      }
    }
    contenders.push(clientContender(target.name, client, { pid, floor }));
  }
  return contenders;
}

async function floorOf(
  work: FloorWork,
  { socket }: Target,
  echo: EchoServers,
  rate: number,
): Promise<Contender | undefined> {
  if (work.kind === 'copy') return floorContender('memcpy', copyFloor(work));
  if (socket === undefined) return undefined;
  const { uri, pid } = await echo.at(socket);
  const name = `echo ${socket === 'elsewhere' ? 'there' : socket}`;
  return floorContender(name, echoFloor(uri, work, rate), pid);
}

function clientContender(
  name: string,
  client: ClientProcess,
  rest: Pick<Contender, 'pid' | 'floor'>,
): Contender {
  return {
    ...rest,
    name,
    role: 'transport',
    async measure(milliseconds, latencies) {
      const { histogram, ...measured } = await client.ask<'round'>({ type: 'round', milliseconds });
      if (histogram !== '') latencies.add(decodeHistogram(histogram));
      return measured;
    },
  };
}

function floorContender(name: string, runner: CaseRunner, pid?: number): Contender {
  return {
    name,
    role: 'floor',
    pid,
    measure: (milliseconds, latencies) => measureRound(runner, milliseconds, latencies),
    close: () => runner.close?.(),
  };
}
