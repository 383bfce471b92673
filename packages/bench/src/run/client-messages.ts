import type { WorkDone } from '../engine/contender.js';
import type { FloorWork } from '../floors/floor-work.js';
import type { ServerAddress } from '../targets/target.js';
import type { WorkloadCase, WorkloadName, WorkloadSettings } from '../workloads/workload.js';

/** Requests to a client process, one at a time. */
export type ClientRequest =
  | {
      readonly type: 'open';
      readonly server: ServerAddress;
      readonly workload: WorkloadName;
      readonly settings: WorkloadSettings;
    }
  | { readonly type: 'begin'; readonly workloadCase: WorkloadCase }
  | { readonly type: 'round'; readonly milliseconds: number }
  | { readonly type: 'close' };

/** What a client process measured in a round. */
export interface RoundReply {
  readonly work: WorkDone;
  /** As text; empty when no single operation was seen. */
  readonly histogram: string;
  /** Processor time of the client, ns. */
  readonly clientTime: number;
}

/** Answers by the request's type. */
export interface ClientReplies {
  readonly open: null;
  /** `isPossible`: the server can take the case. */
  readonly begin: { readonly isPossible: boolean; readonly floor: FloorWork | null };
  readonly round: RoundReply;
  readonly close: null;
}

/** The answer to a request. */
export type ClientAnswer =
  | { readonly value: ClientReplies[ClientRequest['type']] }
  /** `isExpected`: it is about what was measured, not about this program. */
  | { readonly error: { readonly message: string; readonly isExpected: boolean } };
