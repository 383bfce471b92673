// Makes a clone ready to run: dependencies, then the build. Quiet and fast when nothing has changed.
// `npm start` and `npm test` run it first.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];
const PNPM = 'pnpm@10.34.9';
const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'node_modules/.setup-stamp');

function fail(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}

/** Runs a program in the clone; its output goes to stderr, so that stdout stays for results. */
function run(what, program, args, advice) {
  const { error, status, signal } = spawnSync(program, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (error !== undefined) fail(`${what} could not start: ${error.message}. ${advice}`);
  if (status !== 0) fail(`${what} failed (${signal ?? `exit code ${status}`}). ${advice}`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(
    `Node.js ${OLDEST_NODE.join('.')} or newer is needed, this is ${process.versions.node}: https://nodejs.org`,
  );
}

/** A hash of everything the installed dependencies follow from. */
function dependencyKey() {
  const folders = ['.', 'interop-tests'];
  for (const name of readdirSync(join(root, 'packages'))) folders.push(join('packages', name));
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml'];
  for (const folder of folders) files.push(join(folder, 'package.json'));
  const hash = createHash('sha256').update(PNPM).update(process.versions.modules);
  for (const file of files) hash.update(`\n${file}\n`).update(readIfThere(join(root, file)));
  return hash.digest('hex');
}

function readIfThere(path) {
  try {
    return readFileSync(path);
  } catch {
    return '';
  }
}

function install() {
  const key = dependencyKey();
  if (String(readIfThere(stamp)) === key) return;
  process.stderr.write('setup: installing dependencies (once, about half a minute)\n');
  run(
    'the installation',
    'npx',
    ['--yes', PNPM, 'install', '--frozen-lockfile', '--config.confirm-modules-purge=false'],
    'The messages above say why; it needs the npm registry.',
  );
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stamp, key);
}

/** Output of sources that are gone: it would still be found, tested and packed. */
function removeStaleOutput() {
  for (const name of readdirSync(join(root, 'packages'))) {
    const home = join(root, 'packages', name);
    if (!existsSync(join(home, 'dist'))) continue;
    for (const output of readdirSync(join(home, 'dist'), { recursive: true, encoding: 'utf8' })) {
      const source = output.replace(/([.]d[.]ts|[.]js)([.]map)?$/, '.ts');
      if (source === output || existsSync(join(home, 'src', source))) continue;
      rmSync(join(home, 'dist', output));
    }
  }
}

function build() {
  removeStaleOutput();
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  // Incremental: what has not changed is not compiled again.
  run(
    'the build',
    process.execPath,
    [compiler, '-b'],
    'The messages above say which file to look at.',
  );
  run(
    'joining the files of the command',
    process.execPath,
    [join(root, 'tools/bundle.mjs')],
    'The messages above say why.',
  );
}

checkNode();
install();
build();
