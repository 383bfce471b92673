/** What a session does; see the folder `workloads`. */
export const WORKLOADS = ['counter', 'test-device', 'nvme'] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

/** Set-ups by what the faulty link is made of. `bridge`: a client on UNIX sockets behind a bridge. */
export const SETUPS = ['tcp', 'tls', 'ws', 'wss', 'bridge'] as const;
export type SetupName = (typeof SETUPS)[number];

export interface PlannedSession {
  readonly setup: SetupName;
  readonly workload: WorkloadName;
}

/** A session for each workload over each of them. */
export function sessionsOver(setups: readonly SetupName[]): PlannedSession[] {
  return setups.flatMap((setup) => WORKLOADS.map((workload) => ({ setup, workload })));
}
