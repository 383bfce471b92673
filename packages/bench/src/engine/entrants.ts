import { copyFloor } from '../floors/copy-floor.js';
import { echoFloor } from '../floors/echo-floor.js';
import type { FloorServers } from '../floors/floor-servers.js';
import type { FloorWork } from '../floors/floor-work.js';
import { decodeHistogram } from '../statistics.js';
import type { Target } from '../targets/target.js';
import type { Contender } from '../workloads/contender.js';
import type { TestCase } from '../workloads/test-case.js';
import type { ClientProcess } from './client-process.js';
import { measureRound } from './measure-round.js';
import type { Entrant } from './measured.js';

/** A target whose client has a test open. */
export interface OpenTarget {
  readonly target: Target;
  readonly client: ClientProcess;
  /** Of the server. */
  readonly pid: number | undefined;
}

/** Makes the entrants of single cases, with the floors they need: one for all that need the same. */
export class Entrants {
  readonly #servers: FloorServers;
  readonly #rate: number;

  constructor(servers: FloorServers, rate: number) {
    this.#servers = servers;
    this.#rate = rate;
  }

  /** In the order in which they take turns: a transport comes behind its floor. */
  async of(testCase: TestCase, targets: readonly OpenTarget[]): Promise<readonly Entrant[]> {
    const floors = new Map<string, Entrant>();
    const entrants: Entrant[] = [];
    for (const { target, client, pid } of targets) {
      const { isPossible, floor: work } = await client.ask<'begin'>({ type: 'begin', testCase });
      if (!isPossible) continue;
      const key = JSON.stringify([work, work?.kind === 'echo' ? target.path : '']);
      let floor = floors.get(key);
      if (floor === undefined && work !== null) {
        floor = await this.#floor(work, target);
        if (floor !== undefined) {
          floors.set(key, floor);
          entrants.push(floor);
        }
      }
      entrants.push(clientEntrant(target.name, client, { pid, floor }));
    }
    return entrants;
  }

  async #floor(work: FloorWork, { path }: Target): Promise<Entrant | undefined> {
    if (work.kind === 'copy') return floorEntrant('memcpy', copyFloor(work));
    if (path === undefined) return undefined;
    const { uri, pid } = await this.#servers.at(path);
    const name = `echo ${path === 'elsewhere' ? 'there' : path}`;
    return floorEntrant(name, echoFloor(uri, work, this.#rate), pid);
  }
}

function clientEntrant(
  name: string,
  client: ClientProcess,
  rest: Pick<Entrant, 'pid' | 'floor'>,
): Entrant {
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

function floorEntrant(name: string, contender: Contender, pid?: number): Entrant {
  return {
    name,
    role: 'floor',
    pid,
    measure: (milliseconds, latencies) => measureRound(contender, milliseconds, latencies),
    close: () => contender.close?.(),
  };
}

/** Ends the entrants of a case. */
export async function closeEntrants(entrants: readonly Entrant[]): Promise<void> {
  for (const entrant of entrants) await entrant.close?.();
}
