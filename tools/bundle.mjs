// Joins the vfio-user command and the packages that it uses into a few files: packages/cli/bundle. Node opens all
// files of a program at once, so that hundreds of them take time and more descriptors than a low limit allows.

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const cli = fileURLToPath(new URL('../packages/cli/', import.meta.url));

rmSync(`${cli}bundle`, { recursive: true, force: true });
await build({
  absWorkingDir: cli,
  entryPoints: {
    index: 'src/index.ts',
    // Loaded by Node.js itself, in a thread of its own.
    'device-hooks': 'src/commands/serve/device-hooks.ts',
  },
  outdir: 'bundle',
  bundle: true,
  // What only some commands need stays apart.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  conditions: ['@vfio-user/source'],
  // Native code, what is for terminals only, and what draws plots, which need not be there.
  external: [
    'koffi',
    'bufferutil',
    'pino-pretty',
    'vega',
    'vega-lite',
    '@resvg/resvg-js',
    'esbuild',
  ],
  // For the CommonJS packages in it.
  banner: {
    js: "import { createRequire as createBundleRequire } from 'node:module';const require = createBundleRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
