import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ListeningProcess, type Program } from '@vfio-user/support';
import { FaultRelay } from '../link/fault-relay.js';
import { streamOf } from '../link/streams.js';
import type { Stopped } from '../plan/faults.js';
import type { SessionPlan } from '../plan/plan.js';
import { type SetupName, WORKLOADS } from '../plan/sessions.js';
import { isEncrypted } from '../plan/units.js';
import type { Answer, BridgeTask, ServerTask } from '../processes/messages.js';
import { noQueries, type Queries } from './certificates.js';
import { DriverProcess } from './driver-process.js';

const KEPT_LINES = 100;
/** What the line of the server about its links begins with. */
const LINKS = 'links ';

/** What became of the links of a set-up. */
export interface LinkCounts {
  readonly resumes: number;
  readonly framesSentAgain: number;
}

export const NO_LINKS: LinkCounts = { resumes: 0, framesSentAgain: 0 };

export interface RigOptions {
  readonly setup: SetupName;
  /** For sockets. */
  readonly folder: string;
  readonly certificates: Queries;
  /** A session, or a process, cannot go on. */
  readonly onFailure: (reason: string, answer?: Answer) => void;
}

/** A server and a client of each workload in processes of their own, and the links between them. */
export class Rig {
  readonly #relays: readonly FaultRelay[];
  readonly #programs: Partial<Record<Stopped, Program>>;
  readonly #driver: DriverProcess;
  readonly #uris: readonly string[];
  readonly #stopping: Record<Stopped, Promise<void>> = {
    client: Promise.resolve(),
    server: Promise.resolve(),
    bridge: Promise.resolve(),
  };
  #stops = 0;
  #stopped = 0;

  private constructor(
    { setup, onFailure }: RigOptions,
    onEnd: (name: Stopped) => void,
    relays: readonly FaultRelay[],
    server: ListeningProcess,
    bridge: ListeningProcess | undefined,
    uris: readonly string[],
  ) {
    this.#relays = relays;
    this.#uris = uris;
    this.#driver = new DriverProcess(
      commandOf('client'),
      (session, reason, answer) =>
        onFailure(`${setup} ${WORKLOADS[session] ?? session}: ${reason}`, answer),
      () => onEnd('client'),
    );
    this.#programs = { server, client: this.#driver.program, ...(bridge && { bridge }) };
  }

  static async start(options: RigOptions): Promise<Rig> {
    const { setup, folder, onFailure } = options;
    const scheme = setup === 'bridge' ? 'tcp' : setup;
    const path = scheme === 'ws' || scheme === 'wss' ? '/chaos' : '';
    const queries = isEncrypted(setup) ? options.certificates : noQueries;
    const relays = await Promise.all(WORKLOADS.map(() => FaultRelay.listen(streamOf[setup])));

    const onEnd = (name: Stopped): void => onFailure(`${setup}: the ${name} process has ended`);
    const start = (name: Stopped, task: object): Promise<ListeningProcess> =>
      ListeningProcess.start([...commandOf(name), JSON.stringify(task)], {
        stdin: 'pipe',
        keptLines: KEPT_LINES,
        onEnd: () => onEnd(name),
      });
    const listen = WORKLOADS.map(() => `${scheme}://127.0.0.1:0${path}${queries.server}`);
    const server = await start('server', { listen } satisfies ServerTask);
    const ports = server.address.split(' ').map((uri) => Number(new URL(uri).port));
    for (const [index, relay] of relays.entries()) relay.relayTo(ports[index] as number);
    const remote = relays.map(
      ({ port }) => `${scheme}://127.0.0.1:${port}${path}${queries.client}`,
    );
    if (setup !== 'bridge') return new Rig(options, onEnd, relays, server, undefined, remote);

    const local = WORKLOADS.map((workload) => `unix://${folder}/${workload}.sock`);
    const bridges = remote.map((connect, index) => ({ listen: local[index] as string, connect }));
    const bridge = await start('bridge', { bridges } satisfies BridgeTask);
    return new Rig(options, onEnd, relays, server, bridge, local);
  }

  /** Begin a session. */
  open(session: number, plan: SessionPlan): Promise<Answer> {
    const { workload, seed } = plan;
    const uri = this.#uris[session] as string;
    return this.#driver.ask(session, { order: 'open', workload, uri, seed });
  }

  ask(session: number, order: 'watch' | 'settle' | 'finish'): Promise<Answer> {
    return this.#driver.ask(session, { order });
  }

  relay(session: number): FaultRelay {
    return this.#relays[session] as FaultRelay;
  }

  /** Changes whenever a process was stopped or goes on; `undefined` while one is stopped. */
  get calm(): number | undefined {
    return this.#stopped > 0 ? undefined : this.#stops;
  }

  /** Stop a process for a while, which concerns all sessions. One after the other does. */
  stop(name: Stopped, ms: number): Promise<void> {
    const stop = async (): Promise<void> => {
      const program = this.#programs[name];
      this.#stops++;
      this.#stopped++;
      program?.freeze();
      await delay(ms);
      program?.signal('SIGCONT');
      this.#stopped--;
    };
    this.#stopping[name] = this.#stopping[name].then(stop);
    return this.#stopping[name];
  }

  /** Last lines that its processes have logged. */
  get log(): readonly string[] {
    return Object.entries(this.#programs).flatMap(([name, program]) =>
      program.log.slice(-KEPT_LINES).map((line) => `${name}: ${line}`),
    );
  }

  async close(): Promise<LinkCounts> {
    for (const program of Object.values(this.#programs)) program.signal('SIGCONT');
    const { server, bridge, client } = this.#programs;
    await client?.stop();
    await bridge?.stop();
    await server?.stop();
    for (const relay of this.#relays) await relay.close();
    return linksOf(server);
  }
}

/** What a server that has ended printed. One that was killed could not. */
async function linksOf(server: Program | undefined): Promise<LinkCounts> {
  const { stdout = [] } = (await server?.ended()) ?? {};
  const line = stdout.find((text) => text.startsWith(LINKS));
  if (line === undefined) return NO_LINKS;
  return JSON.parse(line.slice(LINKS.length)) as LinkCounts;
}

function commandOf(name: string): string[] {
  return [process.execPath, fileURLToPath(new URL(`../processes/${name}.js`, import.meta.url))];
}
