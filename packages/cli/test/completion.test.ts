import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runCaught } from './fake-io.js';

/** What bash itself splits words at. */
const WORD_BREAKS = ' \t\n"\'><=;|&(:';

interface Place {
  readonly script: string;
  readonly folder: string;
}

/** A script, and a folder with a file and a folder in it to complete names in. */
async function placeOf(t: Test, shell: string): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'vfu-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'inner'));
  writeFileSync(join(folder, 'in.pcap'), '');
  const script = join(folder, 'script');
  const { code, stdout } = await runCaught(['completion', shell]);
  t.equal(code, 0);
  writeFileSync(script, stdout);
  return { script, folder };
}

/** What bash offers when Tab is pressed behind `line`. */
function offersOfBash({ script, folder }: Place, line: string, breaks = WORD_BREAKS): string[] {
  // The words as bash cuts them, which a completion function finds in COMP_WORDS.
  const program = `
    source "$1"
    COMP_LINE=$2 COMP_POINT=\${#2} COMP_WORDBREAKS=$3 COMP_TYPE=9
    read -ra COMP_WORDS <<< "$2"
    COMP_CWORD=\${#COMP_WORDS[@]}
    _vfio_user vfio-user
    [ \${#COMPREPLY[@]} = 0 ] || printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', program, 'bash', script, line, breaks];
  return linesOf(execFileSync('bash', args, { cwd: folder, encoding: 'utf8' }));
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

const COMMANDS = ['serve', 'bridge', 'info', 'trace', 'bench', 'doctor', 'completion', 'help'];
const SCHEMES = ['unix://', 'fd:', 'tcp://', 'tls://', 'ws://', 'wss://', 'vsock://', 'rdma://'];

t.test('bash completes commands, options, devices, settings, URIs and files', async (t) => {
  const place = await placeOf(t, 'bash');
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['vfio-user ', COMMANDS],
    ['vfio-user se', ['serve']],
    ['vfio-user serve ', ['counter', 'gpio', 'nvme', 'bench']],
    ['vfio-user serve nv', ['nvme']],
    ['vfio-user serve nvme --me', ['--metrics']],
    ['vfio-user serve nvme ', []],
    ['vfio-user serve nvme --set s', ['size=', 'serial=']],
    ['vfio-user serve --set size=1M counter --set ', ['modulus=']],
    ['vfio-user serve nvme --set doorbells=', ['trapped', 'mapped', 'auto']],
    ['vfio-user serve nvme --set=interrupts=ms', ['msix', 'msi']],
    ['vfio-user serve gpio --set loopback=t', ['true']],
    ['vfio-user serve gpio --set file=in.', ['in.pcap']],
    ['vfio-user serve counter --set modulus=', []],
    ['vfio-user bench --tests dma', ['dma-read', 'dma-write']],
    ['vfio-user bench --tests connect,door', ['connect,doorbell']],
    ['vfio-user bench --transport=r', ['rdma']],
    ['vfio-user serve --listen ', SCHEMES],
    ['vfio-user serve --listen=t', ['tcp://', 'tls://']],
    ['vfio-user bridge --connect unix://in', ['//in.pcap', '//inner/']],
    ['vfio-user serve --listen serve ', ['counter', 'gpio', 'nvme', 'bench']],
    ['vfio-user serve -v --log-level d', ['debug']],
    ['vfio-user serve --log-level=d', ['debug']],
    ['vfio-user trace ', ['read', 'stats']],
    ['vfio-user trace read --device c', ['counter']],
    ['vfio-user trace read in', ['in.pcap', 'inner']],
    ['vfio-user bench compare in.pcap in', ['in.pcap', 'inner']],
    ['vfio-user completion ', ['bash', 'zsh', 'fish']],
    ['vfio-user help do', ['doctor']],
  ];
  for (const [line, offers] of cases) {
    t.strictSame(offersOfBash(place, line).sort(), [...offers].sort(), line);
  }
  const whole = offersOfBash(place, 'vfio-user info unix://in.', ' \t\n');
  t.strictSame(whole, ['unix://in.pcap'], 'a bash that does not cut words gets them whole');
  t.ok(offersOfBash(place, 'vfio-user serve -').length > 8, 'options');
});

t.test('the script is one for bash that is not interactive, too', async (t) => {
  const { script } = await placeOf(t, 'bash');
  t.equal(spawnSync('bash', ['-n', script]).status, 0);
});

const zsh = spawnSync('zsh', ['--version']).error ? 'zsh is not installed' : false;
t.test('zsh takes the script', { skip: zsh }, async (t) => {
  const { script } = await placeOf(t, 'zsh');
  t.match(spawnSync('zsh', ['-fn', script], { encoding: 'utf8' }), { status: 0, stderr: '' });
  const program = 'autoload -U compinit; compinit -D; source $1; print $_comps[vfio-user]';
  const options = { encoding: 'utf8' } as const;
  const { stdout } = spawnSync('zsh', ['-fc', program, 'zsh', script], options);
  t.equal(stdout, '_vfio_user\n');
});

/** Runs zsh at a terminal of its own; Ctrl-T completes, and notes what the line is then. */
const ZSH_TERMINAL = `
  zmodload zsh/zpty
  zpty terminal zsh -d -i
  zpty -r terminal seen '*READY*'
  for line in "$@"; do
    zpty -w -n terminal $'\\x15'"$line"$'\\x14'
  done
  zpty -w terminal $'\\x15exit'
  while zpty -r terminal seen; do :; done`;

t.test('zsh completes with the script', { skip: zsh }, async (t) => {
  const { script, folder } = await placeOf(t, 'zsh');
  const notes = join(folder, '.notes');
  const startup = `
    autoload -U compinit; compinit -D; source ${script}
    complete-and-note() { zle expand-or-complete; print -r -- "$BUFFER" >> ${notes} }
    zle -N complete-and-note; bindkey '^T' complete-and-note; bindkey '^U' kill-whole-line
    PS1=READY`;
  writeFileSync(join(folder, '.zshrc'), startup);
  const cases = [
    ['se', 'rve '],
    ['serve nv', 'me '],
    ['serve nvme --set seri', 'al='],
    ['serve nvme --set doorbells=t', 'rapped '],
    ['serve gpio --set file=in.', 'pcap '],
    ['bench --tests connect,door', 'bell,'],
    ['serve --listen tl', 's://'],
    ['serve --listen=tl', 's://'],
    ['serve --log-level=deb', 'ug '],
    ['info unix://in.', 'pcap '],
    ['trace read in.', 'pcap '],
    ['trace --log', '-level='],
  ] as const;
  const env = { ...process.env, ZDOTDIR: folder, TERM: 'dumb' };
  const lines = cases.map(([line]) => `vfio-user ${line}`);
  const args = ['-fc', ZSH_TERMINAL, 'zsh', ...lines];
  const { status } = spawnSync('zsh', args, { cwd: folder, env, timeout: 60_000 });
  t.equal(status, 0);
  const completed = linesOf(readFileSync(notes, 'utf8'));
  t.strictSame(
    completed,
    cases.map(([line, rest]) => `vfio-user ${line}${rest}`),
  );
});

const fish = spawnSync('fish', ['--version']).error ? 'fish is not installed' : false;
t.test('fish completes with the script', { skip: fish }, async (t) => {
  const { script, folder } = await placeOf(t, 'fish');
  const offers = (line: string): string[] => {
    const args = ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line];
    const { stdout, stderr } = spawnSync('fish', args, { cwd: folder, encoding: 'utf8' });
    t.equal(stderr, '');
    return linesOf(stdout).map((offer) => offer.split('\t')[0] as string);
  };
  t.strictSame(offers('vfio-user ').sort(), [...COMMANDS].sort());
  t.strictSame(offers('vfio-user serve ').sort(), ['bench', 'counter', 'gpio', 'nvme']);
  t.strictSame(offers('vfio-user serve nvme --set s').sort(), ['serial=', 'size=']);
  t.strictSame(offers('vfio-user serve nvme --set doorbells=t'), ['doorbells=trapped']);
  t.strictSame(offers('vfio-user serve gpio --set file=in.'), ['file=in.pcap']);
  t.strictSame(offers('vfio-user bench --tests connect,door'), ['connect,doorbell']);
  t.strictSame(offers('vfio-user serve --listen ').sort(), [...SCHEMES].sort());
  t.strictSame(offers('vfio-user info unix://in').sort(), ['unix://in.pcap', 'unix://inner/']);
  t.strictSame(offers('vfio-user trace read in.').sort(), ['in.pcap']);
  t.strictSame(offers('vfio-user trace --lo').sort(), ['--log-level']);
});

t.test('a shell that there is no script for is wrong usage', async (t) => {
  t.match(await runCaught(['completion', 'tcsh']), { code: 2, stderr: /bash, zsh, fish/ });
  t.match(await runCaught(['completion']), { code: 2, stderr: /missing required argument/ });
});
