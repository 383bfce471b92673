// What is published, as its users get it: packed, installed into an empty folder, and used. Needs the npm registry.

import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ListeningProcess } from '../../packages/support/src/index.js';
import { type Package, ROOT, readManifest, workspacePackages } from './workspace.js';

const PATIENCE_MS = 600_000;
const root = readManifest('.');
const published = workspacePackages().filter(({ manifest }) => manifest.private !== true);
const names = new Set(published.map(({ manifest }) => manifest.name));

t.setTimeout(PATIENCE_MS);

/** What a program prints on stdout; rejects with all of its output when it fails. */
function run(folder: string, program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, maxBuffer: 2 ** 26 };
    const done = (error: ExecFileException | null, stdout: string, stderr: string): void => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`));
    };
    execFile(program, args, options, done);
  });
}

/** A program of the repository's own devDependencies. */
function tool(name: string, ...args: string[]): Promise<string> {
  return run(ROOT, join(ROOT, 'node_modules/.bin', name), args);
}

/** The errors of the compiler, with paths below `folder`. */
function compile(folder: string, project: string): Promise<string[]> {
  const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project, '--pretty', 'false'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 2 ** 26 }, (error, stdout) => {
      if (error !== null && stdout === '') reject(error);
      else resolve(stdout.split('\n'));
    });
  });
}

/** The name of a packed package, as npm makes it. */
function tarballOf({ manifest: { name, version } }: Package): string {
  return `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`;
}

/** What a program can import. */
function entriesOf({ manifest: { name, exports = {} } }: Package): string[] {
  const entries = Object.keys(exports).filter((entry) => entry !== './package.json');
  return entries.map((entry) => name + entry.slice(1));
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfu-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

t.test('each package says what it is, for whom, and what belongs to it', async (t) => {
  for (const { folder, manifest } of published) {
    t.match(
      manifest,
      {
        version: root.version,
        description: /\w/,
        license: root.license as string,
        type: 'module',
        engines: root.engines as object,
        exports: { './package.json': './package.json' },
        ...(manifest.name.startsWith('@') ? { publishConfig: { access: 'public' } } : {}),
        ...(root.repository && { repository: { url: root.repository.url, directory: folder } }),
      },
      folder,
    );
    for (const file of ['dist', 'src', '!**/*.tsbuildinfo']) {
      t.ok(manifest.files?.includes(file), `${folder}: ${file} is one of its files`);
    }
    t.ok(existsSync(join(ROOT, folder, 'README.md')), `${folder}/README.md`);
    for (const name of Object.keys(manifest.dependencies ?? {})) {
      const isOurs = manifest.dependencies?.[name]?.startsWith('workspace:');
      t.ok(!isOurs || names.has(name), `${folder}: its dependency ${name} is published as well`);
    }
  }
  const command = published.find(({ manifest }) => manifest.name === 'vfio-user');
  t.strictSame(command?.manifest.bin, { 'vfio-user': './bin/vfio-user.js' });
});

const packed = temporaryFolder();

t.test('the packages can be packed', async (t) => {
  const pnpm = root.packageManager as string;
  const args = ['--yes', pnpm, '-r', '--filter', './packages/*', 'pack'];
  await run(ROOT, 'npx', [...args, '--pack-destination', packed]);
  for (const each of published) t.ok(existsSync(join(packed, tarballOf(each))), tarballOf(each));
});

for (const each of published) {
  const tarball = join(packed, tarballOf(each));

  t.test(`${each.manifest.name}: what is in it is as the rules of packages are`, async (t) => {
    await tool('publint', tarball, '--strict');
    await tool('attw', tarball, '--profile', 'esm-only', '--quiet');
    t.pass('publint and attw have nothing to say');
  });

  t.test(`${each.manifest.name}: all that belongs to it is in it, and nothing else`, async (t) => {
    const files = (await run(ROOT, 'tar', ['tzf', tarball])).trimEnd().split('\n');
    const has = new Set(files.map((file) => file.replace(/^package\//, '')));
    for (const file of ['README.md', 'LICENSE', 'package.json']) t.ok(has.has(file), file);
    for (const file of has) {
      t.notMatch(file, /(^|\/)(test|node_modules|\.tap)\/|tsbuildinfo$/);
      const [, source] = /^dist\/(.+)\.js$/.exec(file) ?? [];
      if (source !== undefined) t.ok(has.has(`src/${source}.ts`), `${file} has a source`);
    }
    const types = await run(ROOT, 'tar', ['xzOf', tarball, '--wildcards', 'package/dist/*.d.ts']);
    t.notMatch(types, /@internal/, 'what is internal is not in the types');
  });
}

const home = temporaryFolder();

t.test('npm installs them into an empty folder', async (t) => {
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
  const nodeTypes = readManifest('node_modules/@types/node').version;
  const tarballs = published.map((each) => join(packed, tarballOf(each)));
  const flags = ['--no-audit', '--no-fund', '--prefer-offline'];
  await run(home, 'npm', ['install', ...flags, `@types/node@${nodeTypes}`, ...tarballs]);
  const lock = JSON.parse(readFileSync(join(home, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string }>;
  };
  for (const name of names) {
    const { resolved = '' } = lock.packages[`node_modules/${name}`] ?? {};
    t.match(resolved, /^file:/, `${name} is ours, not the registry's`);
  }
});

for (const [resolution, module] of [
  ['nodenext', 'nodenext'],
  ['bundler', 'esnext'],
]) {
  t.test(`their types are right in a program: ${resolution}`, async (t) => {
    const program = published
      .flatMap(entriesOf)
      .map((entry, i) => `export * as part${i} from '${entry}';\n`)
      .join('');
    writeFileSync(join(home, 'program.ts'), program);
    const compilerOptions = {
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      target: 'es2023',
      types: ['node'],
      module,
      moduleResolution: resolution,
    };
    const project = join(home, `tsconfig.${resolution}.json`);
    writeFileSync(project, JSON.stringify({ compilerOptions, files: ['program.ts'] }));
    // The types of others' packages are not ours to check.
    const ours = new RegExp(`^(?:program[.]ts|node_modules/(?:${[...names].join('|')})/)`);
    const errors = await compile(home, project);
    t.strictSame(
      errors.filter((line) => ours.test(line)),
      [],
    );
  });
}

t.test('a program can import each of them', async (t) => {
  const imports = published.flatMap(entriesOf).map((entry) => `import '${entry}';`);
  writeFileSync(join(home, 'program.mjs'), `${imports.join('\n')}\nconsole.log('imported');\n`);
  t.equal(await run(home, process.execPath, ['program.mjs']), 'imported\n');
});

t.test('npx vfio-user serves a device', async (t) => {
  t.equal(await run(home, 'npx', ['--no-install', 'vfio-user', '--version']), `${root.version}\n`);
  const command = join(home, 'node_modules/.bin/vfio-user');
  const listen = `unix://${join(home, 'counter.sock')}`;
  const server = await ListeningProcess.start([command, 'serve', 'counter', '--listen', listen]);
  t.equal(server.address, listen);
  t.match(await run(home, command, ['info', listen]), '1234:c001');
  t.equal(await server.stop(), 0, 'SIGTERM ends it');
});
