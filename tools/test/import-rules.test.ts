import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
const config = join(root, '.dependency-cruiser.mjs');

/** What `npm run lint` says of a tree: "rule: file" for each violation. */
function violations(folder: string): Promise<string[]> {
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [program, '--config', config, '--output-type', 'json', 'packages'];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
      if (stdout === '')
        return reject(new Error(`dependency-cruiser: ${stderr}`, { cause: error }));
      const { summary } = JSON.parse(stdout) as {
        summary: { violations: { from: string; rule: { name: string } }[] };
      };
      resolve(summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`).sort());
    });
  });
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A workspace in `folder` with a package of each given name, and what they get from a registry. */
function workspace(folder: string, packages: Record<string, string>): void {
  for (const name of ['koffi', 'tap']) {
    write(join(folder, 'node_modules', name, 'index.js'), 'exports.value = 1;\n');
  }
  mkdirSync(join(folder, 'node_modules/@vfio-user'));
  for (const [directory, name] of Object.entries(packages)) {
    const home = join(folder, 'packages', directory);
    const manifest = {
      name,
      exports: { '.': { '@vfio-user/source': './src/index.ts' } },
      dependencies: { koffi: '1' },
      devDependencies: { tap: '1' },
    };
    write(join(home, 'package.json'), JSON.stringify(manifest));
    write(join(home, 'src/index.ts'), 'export const value = 1;\n');
    write(join(home, 'test/helper.ts'), 'export const value = 1;\n');
    symlinkSync(home, join(folder, 'node_modules', name));
  }
}

const PACKAGES = {
  bench: '@vfio-user/bench',
  chaos: '@vfio-user/chaos',
  cli: 'vfio-user',
  core: '@vfio-user/core',
  devices: '@vfio-user/devices',
  'node-rdma-ffi': 'node-rdma-ffi',
  'posix-ffi': '@vfio-user/posix-ffi',
  stranger: '@vfio-user/stranger',
  trace: '@vfio-user/trace',
  'transport-rdma': '@vfio-user/transport-rdma',
  'transport-tcp': '@vfio-user/transport-tcp',
  'transport-testing': '@vfio-user/transport-testing',
  'transport-unix': '@vfio-user/transport-unix',
};

/** A file, what it imports and the rules that this breaks; no rule: it is allowed. */
const CASES: readonly (readonly [file: string, imported: string, ...rules: string[]])[] = [
  ['core/src/upward.ts', '@vfio-user/devices', 'layer-0'],
  ['posix-ffi/src/beside.ts', '@vfio-user/core', 'layer-0'],
  ['node-rdma-ffi/src/beside.ts', '@vfio-user/core', 'layer-0'],
  ['devices/src/down.ts', '@vfio-user/core'],
  ['devices/src/upward.ts', 'vfio-user', 'layer-1'],
  ['transport-rdma/src/bootstrap.ts', '@vfio-user/transport-tcp', 'layer-1', 'transports-apart'],
  ['transport-tcp/src/beside.ts', '@vfio-user/transport-unix', 'layer-2', 'transports-apart'],
  ['transport-tcp/src/below.ts', '@vfio-user/transport-rdma', 'transports-apart'],
  ['transport-unix/src/below.ts', '@vfio-user/devices', 'transports-apart'],
  ['transport-unix/test/below.ts', '@vfio-user/devices'],
  ['trace/src/below.ts', '@vfio-user/transport-rdma', 'devices-apart'],
  ['trace/src/down.ts', '@vfio-user/devices'],
  ['transport-unix/src/beside.ts', '@vfio-user/transport-tcp', 'layer-2', 'transports-apart'],
  ['transport-unix/test/beside.ts', '@vfio-user/transport-tcp'],
  ['transport-testing/src/upward.ts', '@vfio-user/bench', 'layer-3'],
  ['bench/src/upward.ts', 'vfio-user', 'layer-4'],
  ['chaos/src/beside.ts', '@vfio-user/bench', 'layer-4'],
  ['cli/src/down.ts', '@vfio-user/bench'],
  ['bench/src/engine/base.ts', '@vfio-user/core'],
  ['bench/src/engine/up.ts', '../floors/up.js', 'bench-layer-0'],
  ['bench/src/floors/up.ts', '../workloads/up.js', 'bench-layer-1'],
  ['bench/src/workloads/up.ts', '../targets/up.js', 'bench-layer-2'],
  ['bench/src/targets/up.ts', '../report/up.js', 'bench-layer-3'],
  ['bench/src/report/up.ts', '../run/up.js', 'bench-layer-4'],
  ['bench/src/run/up.ts', '../rows/down.js', 'bench-layer-5'],
  ['bench/src/rows/down.ts', '../engine/base.js'],
  ['bench/src/base.ts', './engine/base.js', 'bench-files'],
  ['bench/src/strange/new.ts', '@vfio-user/core', 'bench-folder-without-layer'],
  ['cli/src/observe/base.ts', '@vfio-user/core'],
  ['cli/src/observe/up.ts', '../commands/serve/up.js', 'cli-layer-0'],
  ['cli/src/commands/serve/base.ts', '@vfio-user/core'],
  ['cli/src/commands/serve/up.ts', '../trace/beside.js', 'cli-layer-1'],
  ['cli/src/commands/trace/beside.ts', '../info/down.js', 'cli-layer-2'],
  ['cli/src/commands/info/down.ts', '../serve/base.js'],
  ['cli/src/base.ts', './observe/base.js', 'cli-files'],
  ['cli/src/program.ts', './commands/info/down.js'],
  ['cli/src/commands/strange.ts', '@vfio-user/core', 'cli-folder-without-layer'],
  ['stranger/src/any.ts', '@vfio-user/core', 'no-package-without-layer'],
  ['posix-ffi/src/native.ts', 'koffi'],
  ['node-rdma-ffi/test/native.ts', 'koffi'],
  ['cli/src/native.ts', 'koffi', 'koffi-in-ffi-packages'],
  ['core/test/native.ts', 'koffi', 'koffi-in-ffi-packages'],
  ['devices/src/by-path.ts', '../../core/src/index.js', 'packages-by-name'],
  ['core/src/tested.ts', '../test/helper.js', 'source-without-tests'],
  ['core/src/undeclared.ts', 'tap', 'imports-are-dependencies'],
  ['core/test/declared.ts', 'tap'],
  ['core/src/circle-a.ts', './circle-b.js', 'no-circle'],
  ['core/src/circle-b.ts', './circle-a.js'], // The circle is told once.
  ['core/src/nowhere.ts', './missing.js', 'nothing-unresolvable'],
  ['core/src/unexported.ts', '@vfio-user/posix-ffi/src/index.ts', 'nothing-unresolvable'],
];

for (const [kind, statement] of [
  ['a value', (from: string) => `export * from '${from}';\n`],
  ['a type', (from: string) => `export type { value } from '${from}';\n`],
  ['a late import', (from: string) => `export const late = import('${from}');\n`],
] as const) {
  t.test(`${kind}: each rule of imports bites, and what is allowed passes`, async (t) => {
    const folder = t.testdir();
    workspace(folder, PACKAGES);
    for (const [file, imported] of CASES)
      write(join(folder, 'packages', file), statement(imported));

    const found = await violations(folder);
    const expected = CASES.flatMap(([file, , ...rules]) =>
      rules.map((rule) => `${rule}: packages/${file}`),
    );
    t.strictSame(found, expected.sort());
  });
}

t.test('each rule has a case', async (t) => {
  const { default: configuration } = (await import(config)) as {
    default: { forbidden: { name: string }[] };
  };
  const tried = new Set(CASES.flatMap(([, , ...rules]) => rules));
  for (const { name } of configuration.forbidden) {
    // Nothing is above the command.
    if (name !== 'layer-5') t.ok(tried.has(name), name);
  }
});

t.test(
  'only packages of native calls, and the command that carries them, depend on koffi',
  async (t) => {
    const packages = readdirSync(join(root, 'packages'));
    const depending = packages.filter((name) => {
      const text = readFileSync(join(root, 'packages', name, 'package.json'), 'utf8');
      return text.includes('"koffi"');
    });
    t.strictSame(depending.sort(), ['cli', 'node-rdma-ffi', 'posix-ffi']);
  },
);
