import { type CommandUnknownOpts, Help } from '@commander-js/extra-typings';

/** A line of a list: a term and its meaning. */
export type Entry = readonly [term: string, meaning: string];

/** The sections below the options in a command's `--help`, as in a manual page. */
interface Manual {
  /** Lines, for commands that have none in their own help text. */
  readonly examples?: readonly string[];
  /** In addition to, or instead of, 0, 1 and 2. */
  readonly exitStatus?: readonly Entry[];
  readonly environment?: readonly Entry[];
  readonly seeAlso: readonly string[];
}

const EXIT_STATUS: readonly Entry[] = [
  ['0', 'all is well'],
  ['1', 'something failed; stderr says what'],
  ['2', 'the command line or a setting is wrong; nothing was started'],
];

const TERM_WIDTH = 18;

const INTERRUPTED: Entry = ['130', 'ended at once by a second Ctrl-C'];
const RDMA_LIBRARY: Entry = ['NODE_RDMA_LIBRARY', 'libibverbs for rdma:, when not the usual one'];
const NO_COLOR: Entry = ['NO_COLOR', 'when set and not empty, print without colours'];

/** By command path, for example `trace read`; `''` is the program itself. */
const MANUALS: Readonly<Record<string, Manual>> = {
  '': {
    exitStatus: [INTERRUPTED],
    environment: [RDMA_LIBRARY, NO_COLOR],
    seeAlso: ['vfio-user help <command>, README.md, docs/uri.md'],
  },
  serve: {
    exitStatus: [INTERRUPTED],
    environment: [
      ['LISTEN_PID', 'systemd: for which process its sockets are'],
      ['LISTEN_FDS', 'systemd: how many there are; one is expected'],
      RDMA_LIBRARY,
    ],
    seeAlso: [
      'vfio-user info, vfio-user bridge',
      'docs/uri.md, docs/disk-images.md, docs/interop.md (QEMU and others)',
      'docs/observability.md',
    ],
  },
  bridge: {
    exitStatus: [INTERRUPTED],
    environment: [RDMA_LIBRARY],
    seeAlso: [
      'vfio-user serve, vfio-user trace',
      'docs/remote.md, docs/uri.md, docs/observability.md',
    ],
  },
  info: {
    environment: [RDMA_LIBRARY],
    seeAlso: ['vfio-user doctor, vfio-user trace, lspci(8), docs/uri.md'],
  },
  trace: {
    exitStatus: [INTERRUPTED],
    environment: [NO_COLOR, RDMA_LIBRARY],
    seeAlso: ['docs/trace.md, docs/uri.md, wireshark(1)'],
  },
  'trace read': {
    examples: [
      'vfio-user trace read disk.pcap',
      "vfio-user trace read disk.pcap --json | jq 'select(.errno)'",
    ],
    environment: [NO_COLOR],
    seeAlso: ['vfio-user trace --pcap, vfio-user trace stats, docs/trace.md'],
  },
  'trace stats': {
    examples: ['vfio-user trace stats disk.pcap', 'vfio-user trace stats disk.pcap --json'],
    seeAlso: ['vfio-user trace --stats, vfio-user trace read, docs/trace.md'],
  },
  bench: {
    environment: [RDMA_LIBRARY],
    seeAlso: ['vfio-user bench compare, vfio-user bench echo, docs/benchmarks.md'],
  },
  'bench compare': {
    examples: ['vfio-user bench compare before.json now.json --html both.html'],
    seeAlso: ['vfio-user bench --json, docs/benchmarks.md'],
  },
  'bench echo': {
    examples: ['vfio-user bench echo --listen tcp://127.0.0.1:7001'],
    exitStatus: [INTERRUPTED],
    seeAlso: ['vfio-user bench --echo, docs/benchmarks.md'],
  },
  doctor: {
    examples: ['vfio-user doctor', "vfio-user doctor --json | jq '.[] | select(.ok | not)'"],
    exitStatus: [['1', 'something is missing that nothing works without']],
    environment: [RDMA_LIBRARY],
    seeAlso: ['vfio-user info, docs/interop.md, docs/uri.md'],
  },
  completion: {
    seeAlso: ['bash(1), zshcompsys(1), fish(1)'],
  },
};

/** Add its manual to the help of every command. */
export function addManuals(program: CommandUnknownOpts): void {
  walk(program, []);
}

function walk(command: CommandUnknownOpts, path: readonly string[]): void {
  const manual = MANUALS[path.join(' ')];
  if (manual !== undefined) addManual(command, manual);
  for (const child of command.commands) walk(child, [...path, child.name()]);
}

/** A list with the terms in one column, wrapped like the options above it. */
export function listOf(entries: readonly Entry[], termWidth = TERM_WIDTH): string {
  const help = new Help();
  return entries
    .map(([term, meaning]) => help.formatItem(term, termWidth, meaning, help))
    .join('\n');
}

/** Add the sections to a command's help. */
function addManual(command: CommandUnknownOpts, manual: Manual): void {
  const { examples = [], exitStatus = [], environment = [], seeAlso } = manual;
  const status = new Map([...EXIT_STATUS, ...exitStatus]);
  const sections = [
    ...(examples.length > 0
      ? [`Examples:\n${examples.map((line) => `  ${line}`).join('\n')}`]
      : []),
    `Exit status:\n${listOf([...status])}`,
    ...(environment.length > 0 ? [`Environment:\n${listOf(environment)}`] : []),
    `See also:\n${seeAlso.map((line) => `  ${line}`).join('\n')}`,
  ];
  command.addHelpText('after', `\n${sections.join('\n\n')}`);
}
