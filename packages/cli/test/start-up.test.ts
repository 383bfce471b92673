import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCli } from './cli-process.js';

/** What each command may load. What takes time to start is mostly what is loaded for it. */
const PARSER = ['@commander-js/extra-typings', 'commander'];
const SERVER = [...PARSER, 'ipaddr.js', 'msgpackr', 'pino', 'zod'].sort();
const MAX_SERVER_FILES = 40;
const MAX_SERVER_BYTES = 1_550_000;

/** Modules of Node.js for TLS and HTTP. */
const NOT_FOR_PLAIN_SOCKETS = ['tls', 'http', 'https', 'http2'];

/** What a command loads. */
interface Loaded {
  readonly files: readonly string[];
  /** Of the files. */
  readonly bytes: number;
  /** Packages that commands and devices import, as the bundler names them in its files. */
  readonly packages: readonly string[];
  /** Modules of Node.js. */
  readonly builtin: ReadonlySet<string>;
}

/** Packages that are there because pino needs them. */
const OF_PINO =
  /^(@pinojs\/.*|atomic-sleep|on-exit-leak-free|pino-std-serializers|quick-format-unescaped|safe-stable-stringify|sonic-boom|thread-stream)$/;

/** Writes the names of all modules that a process loads into a file. */
const WATCH = `
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
const file = new URL('loaded', import.meta.url);
process.on('exit', () => appendFileSync(file, process.moduleLoadList.join('\\n')));
register('./hooks.mjs', import.meta.url);
`;
const HOOKS = `
import { appendFileSync } from 'node:fs';
const file = new URL('loaded', import.meta.url);
export function load(url, context, next) {
  appendFileSync(file, url + '\\n');
  return next(url, context);
}
`;

/** Run a command until it listens, or until its end. */
async function loadedBy(t: Test, args: readonly string[]): Promise<Loaded> {
  const folder = t.testdir({ 'watch.mjs': WATCH, 'hooks.mjs': HOOKS });
  // In place of the loaders that tap adds.
  const command = runCli(t, args, { prefix: `NODE_OPTIONS='--import ${folder}/watch.mjs'` });
  if (args[0] === 'serve') {
    await command.line('stdout', /^listening /);
    await command.stop();
  }
  await command.ended();
  const lines = readFileSync(join(folder, 'loaded'), 'utf8').split('\n');
  const files = lines
    .filter((line) => line.startsWith('file:') && !line.includes(folder))
    .map((line) => fileURLToPath(line));
  const texts = files.map((file) => readFileSync(file));
  return {
    files,
    bytes: texts.reduce((sum, text) => sum + text.length, 0),
    packages: [...new Set(texts.flatMap((text) => packagesIn(text.toString())))].sort(),
    builtin: new Set(valuesOf(lines, 'NativeModule ')),
  };
}

function packagesIn(text: string): readonly string[] {
  const named = text.matchAll(/^\/\/ .*\/node_modules\/((?:@[^/\n]+\/)?[^/\n]+)/gm);
  return Array.from(named, ([, name = '']) => name).filter((name) => !OF_PINO.test(name));
}

function valuesOf(lines: readonly string[], kind: string): readonly string[] {
  return lines.filter((line) => line.startsWith(kind)).map((line) => line.slice(kind.length));
}

test('a server loads what its transport and its device need, and no more', async (t) => {
  for (const uri of [`unix://${socketFolder(t)}/dev.sock`, 'tcp://127.0.0.1:0']) {
    for (const device of [['counter'], ['nvme', '--set', 'size=1M']]) {
      await t.test(`serve ${device[0]}, ${uri.slice(0, uri.indexOf(':'))}`, async (t) => {
        const args = ['serve', ...device, '--listen', uri];
        const { files, bytes, packages, builtin } = await loadedBy(t, args);
        t.same(packages, SERVER, 'packages');
        t.ok(files.length <= MAX_SERVER_FILES, `${files.length} files`);
        t.ok(bytes <= MAX_SERVER_BYTES, `${bytes} bytes of JavaScript`);
        const needless = NOT_FOR_PLAIN_SOCKETS.filter((name) => builtin.has(name));
        t.same(needless, [], 'modules of Node.js for other transports');
      });
    }
  }
});

test('help loads the parser of command lines alone', async (t) => {
  for (const args of [['--help'], ['--version'], ['bench', '--help']]) {
    const { packages } = await loadedBy(t, args);
    t.same(packages, PARSER, args.join(' '));
  }
});
