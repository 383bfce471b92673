// The code in the documents: TypeScript has the right types and runs, command lines run as they are written.
//
// Words behind the language of a block, which no reader sees, say what is different about it:
//
//   ts, js   file=NAME   the blocks after it can import it by this name
//            fragment    it is no whole program: nothing is checked
//   ts       no-run      it goes on for ever, or needs what not every machine has: only its types are checked
//   sh       elsewhere   it needs root, another program or another host: the options of vfio-user are checked
//   text     prints      what the block before it prints
//
// The blocks of a document run one after the other in one folder, which also stands for /tmp. A command that serves
// goes on until the end of its document.

import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import t from 'tap';
import { type CodeBlock, codeBlocks } from '../support/code-blocks.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMMAND = join(ROOT, 'packages/cli/bin/vfio-user.js');
const PATIENCE_MS = 300_000;
const SCRIPTS = ['ts', 'js'];
const WORDS: Readonly<Record<string, readonly string[]>> = {
  ts: ['no-run', 'fragment'],
  js: ['fragment'],
  sh: ['elsewhere'],
  text: ['prints'],
};

/** Makes `vfio-user` what the documents call so; what serves goes on behind the block. */
const PREAMBLE = `set -euo pipefail
vfio-user() {
  local options=" $* "
  case "$1 \${2-}$options" in
    *' --help '*) ;;
    serve* | bridge* | 'trace --'*)
      local output=$PWD/.output.$((++servers))
      '${process.execPath}' '${COMMAND}' "$@" > "$output" 2>&1 &
      local server=$!
      echo $server >> .servers
      until grep -q '^listening ' "$output"; do
        kill -0 $server 2> /dev/null || { cat "$output" >&2; return 1; }
        sleep 0.1
      done
      return ;;
  esac
  '${process.execPath}' '${COMMAND}' "$@"
}
servers=\${RANDOM}000
`;

interface Outcome {
  readonly failed: boolean;
  readonly stdout: string;
  /** All of its output, for a message. */
  readonly text: string;
}

function execute(folder: string, program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: PATIENCE_MS, env: plainEnvironment() };
    execFile(program, args, options, (error, stdout, stderr) => {
      const text = `${error?.message ?? ''}\n${stdout}\n${stderr}`;
      resolve({ failed: error !== null, stdout, text });
    });
  });
}

/** Without what tap tells its own processes. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, NO_COLOR: '1' };
}

/** The Markdown files that readers get, below the root. */
function documents(): string[] {
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/README.md`);
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  const all = ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => `docs/${name}`), ...packages];
  return all.filter((path) => existsSync(join(ROOT, path)));
}

/** A folder in which our packages, and what they are used with, can be imported as they were built. */
function workplace(): string {
  // A short path: sockets lie in it.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vfu-')));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const modules = join(folder, 'node_modules');
  const link = (name: string, target: string): void => {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(target, join(modules, name));
  };
  for (const home of readdirSync(join(ROOT, 'packages'))) {
    const path = join(ROOT, 'packages', home);
    link(
      (JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as { name: string }).name,
      path,
    );
  }
  link('zod', join(ROOT, 'packages/core/node_modules/zod'));
  for (const name of ['tap', '@types/node']) link(name, join(ROOT, 'node_modules', name));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  return folder;
}

/** A script is kept as TypeScript, whose types are checked, and as what runs. */
function fileOf({ words, language, line }: CodeBlock): string {
  const named = words.find((word) => word.startsWith('file='));
  return named?.slice('file='.length) ?? `line-${line}.${language}`;
}

function isProgram({ language, words }: CodeBlock): boolean {
  return SCRIPTS.includes(language) && !words.includes('fragment');
}

function write(folder: string, block: CodeBlock): void {
  const file = join(folder, fileOf(block));
  // Every example is a module of its own.
  const code = block.code.includes('import ') ? block.code : `${block.code}\nexport {};\n`;
  writeFileSync(file, code);
  if (block.language !== 'ts') return;
  const output = transformSync(code, { loader: 'ts', format: 'esm', target: 'node20' });
  writeFileSync(file.replace(/ts$/, 'js'), output.code);
}

const home = workplace();
const read = documents().map((path) => {
  const folder = join(home, path.replaceAll('/', '-').replace(/[.]md$/, ''));
  mkdirSync(folder);
  const blocks = codeBlocks(readFileSync(join(ROOT, path), 'utf8'));
  for (const block of blocks.filter(isProgram)) write(folder, block);
  return { path, folder, blocks };
});

t.setTimeout(2 * PATIENCE_MS);

t.test('the words behind a language are known', async (t) => {
  for (const { path, blocks } of read) {
    for (const { language, words, line } of blocks) {
      const known = WORDS[language];
      if (known === undefined) continue;
      const unknown = words.filter((word) => !known.includes(word) && !word.startsWith('file='));
      t.strictSame(unknown, [], `${path}:${line}`);
    }
  }
});

t.test('the types of TypeScript are right', async (t) => {
  const files = read.flatMap(({ folder, blocks }) =>
    blocks
      .filter((block) => block.language === 'ts' && isProgram(block))
      .map((block) => join(folder, fileOf(block))),
  );
  t.ok(files.length > 0, 'there are some');
  const compilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
  };
  writeFileSync(join(home, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '-p', '.', '--pretty', 'false'];
  const { failed, text } = await execute(home, process.execPath, args);
  t.notOk(failed, failed ? text : 'tsc has nothing to say');
});

t.test('what a document says to install has all that its examples import', (t) => {
  for (const { path, blocks } of read) {
    const lines = blocks.flatMap(({ language, code }) =>
      language === 'sh' ? installed(code) : [],
    );
    if (lines.length === 0) continue;
    for (const { language, code, line } of blocks) {
      if (!SCRIPTS.includes(language)) continue;
      const missing = imported(code).filter((name) => !lines.includes(name));
      t.strictSame(missing, [], `${path}:${line}`);
    }
  }
  t.end();
});

/** The packages that the lines with `npm install` name, those of folders included. */
function installed(code: string): string[] {
  const words = [...code.matchAll(/^npm install (.*)$/gm)].flatMap(([, names = '']) =>
    names.replace(/ +#.*/, '').split(' '),
  );
  return words.map((word) =>
    word.replace(/^.*\/packages\//, '@vfio-user/').replace(/(?<=.)@[\d.]+$/, ''),
  );
}

/** The packages that a program imports. */
function imported(code: string): string[] {
  const names = [...code.matchAll(/^(?:import .*|\} )from '([^'.][^']*)'/gm)].map(([, name = '']) =>
    name.replace(/^((?:@[^/]+\/)?[^/]+).*/, '$1'),
  );
  return names.filter((name) => !name.startsWith('node:'));
}

for (const { path, folder, blocks } of read) {
  if (!blocks.some(isRun)) continue;
  t.test(`${path}: what can run here runs`, async (t) => {
    try {
      let printed: string | undefined;
      for (const block of blocks) {
        const where = `${path}:${block.line}`;
        if (block.words.includes('prints')) {
          t.equal(printed, block.code, `${where}: what it prints`);
        } else if (isRun(block)) {
          const { failed, stdout, text } = await runBlock(folder, block);
          t.notOk(failed, failed ? `${where}: ${text}` : where);
          printed = stdout;
        }
      }
    } finally {
      await endServers(folder);
    }
  });
}

function isRun({ language, words }: CodeBlock): boolean {
  if (language === 'sh') return !words.includes('elsewhere');
  return SCRIPTS.includes(language) && !words.includes('fragment') && !words.includes('no-run');
}

function runBlock(folder: string, block: CodeBlock): Promise<Outcome> {
  if (block.language === 'sh') {
    const script = PREAMBLE + block.code.replaceAll('/tmp/', `${folder}/`);
    return execute(folder, 'bash', ['-c', script]);
  }
  return execute(folder, process.execPath, [fileOf(block).replace(/ts$/, 'js')]);
}

/** SIGTERM, and until they have ended. */
async function endServers(folder: string): Promise<void> {
  const list = join(folder, '.servers');
  if (!existsSync(list)) return;
  const ids = readFileSync(list, 'utf8').trim().split('\n').join(' ');
  const wait = `for id in ${ids}; do tail --pid=$id -f /dev/null; done`;
  await execute(folder, 'bash', ['-c', `kill ${ids}; ${wait}`]);
}

t.test('vfio-user has the options of the command lines that do not run here', async (t) => {
  const helps = new Map<string, string>();
  const helpOf = async (command: string): Promise<string> => {
    const known = helps.get(command);
    if (known !== undefined) return known;
    const { text } = await execute(ROOT, process.execPath, [COMMAND, command, '--help']);
    helps.set(command, text);
    return text;
  };
  for (const { path, blocks } of read) {
    for (const { language, words, code, line } of blocks) {
      if (language !== 'sh' || !words.includes('elsewhere')) continue;
      for (const [all, command = ''] of code
        .replaceAll('\\\n', ' ')
        .matchAll(/^(?:npx )?vfio-user (\w+).*$/gm)) {
        for (const [option] of all.matchAll(/(?<= )--[a-z-]+/g)) {
          t.match(await helpOf(command), new RegExp(`${option}\\b`), `${path}:${line}: ${all}`);
        }
      }
    }
  }
});
