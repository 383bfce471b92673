// Copies packages of this repository, and everything they need at run time, into one node_modules folder:
// node-tree.mjs TARGET PACKAGE_FOLDER... The dependencies are found the way Node finds them, so pnpm's links are followed.

import { cpSync, existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Not read by a running program; the folders are those of our own packages. */
const UNREAD = /^\/(src|test|node_modules)$|\.(d\.[cm]?ts|map|md|tsbuildinfo)$/;
const UNREAD_OF_OTHERS = /^\/node_modules$|\.(d\.[cm]?ts|map|md)$/;

/** Packages of which ours import types alone. */
const TYPES_ONLY = new Set(['tap']);

const [target, ...roots] = process.argv.slice(2);
const versions = new Map();

/** Copies to the top of the tree, or below `parent`, who needs it, when another version is there. */
function copy(folder, parent) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const { name, version, dependencies, optionalDependencies } = manifest;
  const { peerDependencies, peerDependenciesMeta } = manifest;
  const present = versions.get(name);
  if (present === version) return;
  if (present === undefined) versions.set(name, version);
  const place = present === undefined ? join(target, name) : join(parent, 'node_modules', name);
  const unread = folder.includes('/node_modules/') ? UNREAD_OF_OTHERS : UNREAD;
  cpSync(folder, place, {
    recursive: true,
    filter: (path) => !unread.test(path.slice(folder.length)),
  });
  const required = { ...dependencies, ...peerDependencies };
  for (const dependency of Object.keys({ ...required, ...optionalDependencies })) {
    if (TYPES_ONLY.has(dependency) || peerDependenciesMeta?.[dependency]?.optional) continue;
    const found = findPackage(dependency, folder);
    if (found !== undefined) copy(found, place);
    // An optional one is installed on the platforms it is for.
    else if (optionalDependencies?.[dependency] === undefined) {
      throw new Error(`${dependency}, needed by ${name}, is not installed: run npm run setup`);
    }
  }
}

function findPackage(name, from) {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return realpathSync(path);
  }
  return undefined;
}

for (const root of roots) copy(realpathSync(root), target);
