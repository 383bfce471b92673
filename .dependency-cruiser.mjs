// Which file may import which. `npm run lint` holds it; tools/test/import-rules.test.ts shows that each rule bites.

/**
 * Packages from the bottom to the top: one imports only from layers below its own, never beside or above it. So core and
 * the packages of native calls stand alone, transports do not know each other, and no circle can arise.
 */
const LAYERS = [
  ['core', 'node-rdma-ffi', 'posix-ffi', 'support'],
  ['devices', 'transport-memory', 'transport-rdma', 'transport-socket'],
  ['drivers', 'trace', 'transport-tcp', 'transport-unix'],
  ['transport-testing'],
  ['bench', 'chaos'],
  ['cli'],
];

const TRANSPORTS = ['transport-memory', 'transport-rdma', 'transport-tcp', 'transport-unix'];

const USERS_OF_DEVICES = ['devices', 'drivers', 'trace'];

const NATIVE_CALLS = ['node-rdma-ffi', 'posix-ffi'];

function sourceOf(...packages) {
  return `^packages/(${packages.join('|')})/(src|bin)/`;
}

const layerRules = LAYERS.map((layer, height) => {
  const below = LAYERS.slice(0, height).flat();
  return {
    name: `layer-${height}`,
    comment: `${layer.join(', ')}: may import ${below.length > 0 ? below.join(', ') : 'no package of ours'}`,
    severity: 'error',
    from: { path: sourceOf(...layer) },
    to: { path: '^packages/', pathNot: [`^packages/(${['$1', ...below].join('|')})/`] },
  };
});

/**
 * Folders of src from the bottom to the top, as {@link LAYERS}. Below all are the files beside them, except those that
 * stand on `top`.
 */
const FOLDERS = {
  bench: {
    layers: [['engine'], ['floors'], ['workloads'], ['targets'], ['report'], ['run', 'rows']],
    top: ['index'],
  },
  cli: {
    layers: [
      ['observe'],
      ['commands/serve'],
      ['bench', 'bridge', 'completion', 'doctor', 'info', 'trace'].map(
        (name) => `commands/${name}`,
      ),
    ],
    top: ['index', 'main', 'program'],
  },
};

function folderRules([name, { layers, top }]) {
  const source = `^packages/${name}/src/`;
  const folders = `${source}(${layers.flat().join('|')})/`;
  return [
    ...layers.map((layer, height) => {
      const below = layers.slice(0, height).flat();
      return {
        name: `${name}-layer-${height}`,
        comment: `${layer.join(', ')} of ${name}: may import ${['files beside the folders', ...below].join(', ')}`,
        severity: 'error',
        from: { path: `${source}(${layer.join('|')})/` },
        to: { path: folders, pathNot: `${source}(${['$1', ...below].join('|')})/` },
      };
    }),
    {
      name: `${name}-files`,
      comment: `files beside the folders of ${name}: only ${top.join(', ')} may import from these`,
      severity: 'error',
      from: { path: `${source}[^/]+$`, pathNot: `${source}(${top.join('|')})[.]ts$` },
      to: { path: folders },
    },
    {
      name: `${name}-folder-without-layer`,
      comment: `a folder of ${name} needs a place in FOLDERS of .dependency-cruiser.mjs`,
      severity: 'error',
      from: { path: `${source}.+/`, pathNot: folders },
      to: {},
    },
  ];
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    ...Object.entries(FOLDERS).flatMap(folderRules),
    {
      name: 'transports-apart',
      comment: 'transports know neither each other nor devices',
      severity: 'error',
      from: { path: sourceOf(...TRANSPORTS) },
      to: {
        path: `^packages/(${[...TRANSPORTS, ...USERS_OF_DEVICES].join('|')})/`,
        pathNot: '^packages/$1/',
      },
    },
    {
      name: 'devices-apart',
      comment: 'devices, drivers and traces know no transport',
      severity: 'error',
      from: { path: sourceOf(...USERS_OF_DEVICES) },
      to: { path: '^packages/transport-' },
    },
    {
      name: 'no-package-without-layer',
      comment: 'a package of ours needs a place in LAYERS of .dependency-cruiser.mjs',
      severity: 'error',
      from: { path: '^packages/[^/]+/', pathNot: `^packages/(${LAYERS.flat().join('|')})/` },
      to: {},
    },
    {
      name: 'koffi-in-ffi-packages',
      comment: `native code is called in ${NATIVE_CALLS.join(' and ')} only`,
      severity: 'error',
      from: { pathNot: `^packages/(${NATIVE_CALLS.join('|')})/` },
      to: { path: '(^|/)koffi(/|$)' },
    },
    {
      name: 'packages-by-name',
      comment: 'another package is imported by its name, so that only what it exports is used',
      severity: 'error',
      from: { path: '^packages/([^/]+)/' },
      to: { path: '^packages/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'source-without-tests',
      comment: 'what is published does not import tests',
      severity: 'error',
      from: { path: sourceOf('[^/]+') },
      to: { path: ['^packages/[^/]+/test/', '^interop-tests/', '^tools/'] },
    },
    {
      name: 'imports-are-dependencies',
      comment:
        'what is published has its imports in the dependencies or peerDependencies of its own package.json',
      severity: 'error',
      from: { path: sourceOf('[^/]+') },
      // A peer dependency is installed for development, too.
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['npm-peer'],
      },
    },
    {
      name: 'no-circle',
      comment: 'files do not import each other in a circle, types included',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-unresolvable',
      comment: 'an import names a file, an export or a dependency that is there',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Types count as imports.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@vfio-user/source', 'import', 'node', 'default', 'types'],
    },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|bundle|[.]tap)/' },
  },
};
