import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import t from 'tap';
import { processIo } from '../src/io.js';
import { buildProgram } from '../src/program.js';
import { runCaught } from './fake-io.js';

const WIDTH = 80;
const program = buildProgram({ io: processIo, exitCode: 0 }, '');

/** Every command that help shows, with the words that lead to it. */
function* everyCommand(
  command: CommandUnknownOpts,
  path: readonly string[] = [],
): Iterable<readonly [path: readonly string[], command: CommandUnknownOpts]> {
  yield [path, command];
  for (const child of command.createHelp().visibleCommands(command)) {
    // That one is commander's own.
    if (child.name() !== 'help') yield* everyCommand(child, [...path, child.name()]);
  }
}

for (const [path, command] of everyCommand(program)) {
  t.test(`${['vfio-user', ...path].join(' ')} --help is a page of a manual`, async (t) => {
    const { code, stdout, stderr } = await runCaught([...path, '--help']);
    t.equal(code, 0);
    t.equal(stderr, '');
    const tooWide = stdout.split('\n').filter((line) => line.length > WIDTH);
    t.strictSame(tooWide, [], `no line is wider than ${WIDTH}`);
    t.match(stdout, /^Usage: /);
    for (const section of ['Options:', 'Examples:', 'Exit status:', 'See also:']) {
      t.equal(stdout.split(`\n${section}\n`).length - 1, 1, section);
    }
    t.match(stdout, /Exit status:\n +0 .+\n +1 .+\n +2 /, 'each status');
    t.not(command.description(), '');
    const unwrapped = stdout.replace(/\s+/g, ' ');
    for (const argument of command.registeredArguments) t.not(argument.description, '');
    for (const option of command.createHelp().visibleOptions(command) as Option[]) {
      t.not(option.description, '', option.flags);
      const { defaultValue, defaultValueDescription: described } = option;
      const hasDefault = typeof defaultValue === 'string' || described !== undefined;
      if (hasDefault) t.match(unwrapped, `default: ${described ?? `"${defaultValue}"`}`);
    }
  });
}

t.test('the environment that a command looks at is in its help', async (t) => {
  const { stdout } = await runCaught(['serve', '--help']);
  t.match(stdout, /Environment:\n(.+\n)* +LISTEN_FDS .+\n/);
  t.match(stdout, /NODE_RDMA_LIBRARY/);
  t.match((await runCaught(['trace', 'read', '--help'])).stdout, /NO_COLOR/);
});

t.test('--help loads nothing but the command line', async (t) => {
  const hook = `import { writeSync } from 'node:fs';
    export async function load(url, context, next) {
      if (url.startsWith('file:')) writeSync(2, url + '\\n');
      return next(url, context);
    }`;
  const dataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hook))});`;
  const command = fileURLToPath(new URL('../bin/vfio-user.js', import.meta.url));
  for (const args of [['--help'], ['bench', '--help'], ['frobnicate']]) {
    const words = ['--import', dataUrl(register), command, ...args];
    const { stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    const loaded = stderr.split('\n').filter((line) => line.startsWith('file:'));
    const code = loaded.map((url) => readFileSync(new URL(url), 'utf8')).join('');
    // The bundle names the files that it is made of.
    const sources = [...code.matchAll(/^\/\/ (\S+\.[jt]s)$/gm)].map(([, source = '']) => source);
    t.ok(sources.length > 10, 'modules were seen');
    const others = sources.filter((source) => !/^src\/|\/commander@|commander-js/.test(source));
    t.strictSame(others, [], args.join(' '));
  }
});
