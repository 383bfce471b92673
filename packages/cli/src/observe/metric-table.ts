import type { Tally } from './tally.js';

/** One value of a metric, with a label for each of {@link CountedMetric.labels}. */
export type Sample = readonly [labels: readonly string[], value: number];

/** A metric that is read from a {@link Tally} at each scrape. */
export interface CountedMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  samples(tally: Tally): Iterable<Sample>;
}

/** The only histogram. */
export const requestDuration = {
  name: 'vfio_user_request_duration_seconds',
  type: 'histogram',
  help: 'From the arrival of a request until its reply left',
  labels: ['command'],
  /** From 1 us, four times as long each, to 4 s. */
  buckets: Array.from({ length: 12 }, (_, i) => 4 ** i * 1e-6),
} as const;

/** All other metrics. */
export const countedMetrics: readonly CountedMetric[] = [
  {
    name: 'vfio_user_requests_total',
    type: 'counter',
    help: 'Requests that were handled',
    labels: ['command', 'outcome'],
    samples: ({ requests }) => outcomes(requests, (command) => [command]),
  },
  {
    name: 'vfio_user_request_bytes_total',
    type: 'counter',
    help: 'Bytes of requests (received) and of replies (sent)',
    labels: ['command', 'direction'],
    *samples({ requests }) {
      for (const [command, { bytesIn, bytesOut }] of requests) {
        yield [[command, 'received'], bytesIn];
        yield [[command, 'sent'], bytesOut];
      }
    },
  },
  {
    name: 'vfio_user_dma_total',
    type: 'counter',
    help: 'Accesses to guest memory',
    labels: ['path', 'direction', 'outcome'],
    samples: ({ dma }) => outcomes(dma, (_key, { path, direction }) => [path, direction]),
  },
  {
    name: 'vfio_user_dma_bytes_total',
    type: 'counter',
    help: 'Bytes of guest memory accessed',
    labels: ['path', 'direction'],
    *samples({ dma }) {
      for (const { path, direction, bytes } of dma.values()) yield [[path, direction], bytes];
    },
  },
  {
    name: 'vfio_user_interrupts_total',
    type: 'counter',
    help: 'Interrupts that clients were notified of',
    labels: ['kind'],
    samples: ({ interrupts }) => labelled(interrupts),
  },
  {
    name: 'vfio_user_sessions_total',
    type: 'counter',
    help: 'Clients that were served',
    labels: [],
    samples: ({ sessionsBegun }) => [[[], sessionsBegun]],
  },
  {
    name: 'vfio_user_sessions_active',
    type: 'gauge',
    help: 'Clients that are being served now',
    labels: [],
    samples: ({ sessionsBegun, sessionsEnded }) => [[[], sessionsBegun - sessionsEnded]],
  },
  {
    name: 'vfio_user_sessions_turned_away_total',
    type: 'counter',
    help: 'Clients that were not served',
    labels: ['reason'],
    samples: ({ turnedAway }) => labelled(turnedAway),
  },
  {
    name: 'vfio_user_sessions_held',
    type: 'gauge',
    help: 'Sessions that are kept without a link now',
    labels: [],
    samples: ({ linksInterrupted, linksContinued, sessionsGivenUp }) => [
      [[], linksInterrupted - linksContinued - sessionsGivenUp],
    ],
  },
  {
    name: 'vfio_user_link_interruptions_total',
    type: 'counter',
    help: 'Times that a session lost its link and was kept',
    labels: [],
    samples: ({ linksInterrupted }) => [[[], linksInterrupted]],
  },
  {
    name: 'vfio_user_link_resumes_total',
    type: 'counter',
    help: 'Times that a session went on over another link',
    labels: [],
    samples: ({ linksContinued }) => [[[], linksContinued]],
  },
  {
    name: 'vfio_user_link_frames_sent_again_total',
    type: 'counter',
    help: 'Frames that were sent again over another link',
    labels: [],
    samples: ({ framesSentAgain }) => [[[], framesSentAgain]],
  },
  {
    name: 'vfio_user_link_longest_gap_seconds',
    type: 'gauge',
    help: 'Longest time without a link after which a session went on',
    labels: [],
    samples: ({ longestGapMs }) => [[[], longestGapMs / 1000]],
  },
  {
    name: 'vfio_user_link_losses_total',
    type: 'counter',
    help: 'Times that a bridge lost its device',
    labels: [],
    samples: ({ linksLost }) => [[[], linksLost]],
  },
  {
    name: 'vfio_user_link_reconnects_total',
    type: 'counter',
    help: 'Times that a bridge reached its device again',
    labels: [],
    samples: ({ linksReachedAgain }) => [[[], linksReachedAgain]],
  },
  {
    name: 'vfio_user_errors_total',
    type: 'counter',
    help: 'Requests refused, connections broken, and memory accessed that is not mapped',
    labels: ['code'],
    samples: ({ errors }) => labelled(errors),
  },
];

function* labelled(counts: ReadonlyMap<string, number>): Iterable<Sample> {
  for (const [label, count] of counts) yield [[label], count];
}

function* outcomes<T extends { readonly count: number; readonly failed: number }>(
  counts: ReadonlyMap<string, T>,
  labelsOf: (key: string, counts: T) => readonly string[],
): Iterable<Sample> {
  for (const [key, each] of counts) {
    const labels = labelsOf(key, each);
    yield [[...labels, 'ok'], each.count - each.failed];
    yield [[...labels, 'error'], each.failed];
  }
}
