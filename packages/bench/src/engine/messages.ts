import type { FloorWork } from '../floors/floor-work.js';
import type { Encoding } from '../floors/message-sizes.js';
import type { Work } from '../workloads/contender.js';
import type { TestCase, TestName } from '../workloads/test-case.js';
import type { TestServer, TestSettings } from '../workloads/test-family.js';

/** A server as another process can be told of it. */
export interface ServerAddress {
  readonly uri: string;
  readonly kind: TestServer['kind'];
  readonly encoding: Encoding;
}

/** What a client process is asked to do: one thing after the other. */
export type ClientRequest =
  | {
      readonly type: 'open';
      readonly server: ServerAddress;
      readonly test: TestName;
      readonly settings: TestSettings;
    }
  | { readonly type: 'begin'; readonly testCase: TestCase }
  | { readonly type: 'round'; readonly milliseconds: number }
  | { readonly type: 'close' };

/** What a client process measured in a round. */
export interface RoundReply {
  readonly work: Work;
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

/** How a request ended. */
export type ClientAnswer =
  | { readonly value: ClientReplies[ClientRequest['type']] }
  /** `isExpected`: it is about what was measured, not about this program. */
  | { readonly error: { readonly message: string; readonly isExpected: boolean } };
