/**
 * How Node.js finds and reads the files of a user's device; runs in the thread that `register` of
 * `node:module` makes. TypeScript goes through esbuild, where Node.js does not strip types itself.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { InitializeHook, LoadHook, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Data for {@link initialize}. */
export interface DeviceHookData {
  /** Modules that are those of the command, by name. */
  readonly own: Readonly<Record<string, string>>;
  /** Modules for those who have none of their own, by name. */
  readonly fallback: Readonly<Record<string, string>>;
  /** Where esbuild is; absent where it is not needed. */
  readonly esbuild?: string | undefined;
}

/** The part of esbuild that is used. */
interface Esbuild {
  transform(text: string, options: Readonly<Record<string, string>>): Promise<{ code: string }>;
}

const TYPESCRIPT = /\.m?ts$/;

let data: DeviceHookData = { own: {}, fallback: {} };

export const initialize: InitializeHook<DeviceHookData> = (given) => {
  data = given;
};

export const resolve: ResolveHook = async (specifier, context, next) => {
  const own = data.own[specifier];
  if (own !== undefined) return { url: own, format: 'module', shortCircuit: true };
  try {
    return await next(specifier, context);
  } catch (error) {
    const source = typescriptFor(specifier, context.parentURL);
    if (source !== undefined) return { url: source, format: 'module', shortCircuit: true };
    const fallback = data.fallback[specifier];
    if (fallback === undefined) throw error;
    return { url: fallback, format: 'module', shortCircuit: true };
  }
};

export const load: LoadHook = async (url, context, next) => {
  if (data.esbuild === undefined || !url.startsWith('file:') || !TYPESCRIPT.test(url)) {
    return next(url, context);
  }
  const { transform }: Esbuild = await import(data.esbuild);
  const file = fileURLToPath(url);
  const { code } = await transform(await readFile(file, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'node20.19',
    sourcefile: file,
    sourcemap: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
};

/** As TypeScript has it, `./registers.js` may be `./registers.ts`. */
function typescriptFor(specifier: string, parent: string | undefined): string | undefined {
  if (!/^\.{1,2}\/.*\.m?js$/.test(specifier) || parent?.startsWith('file:') !== true) return;
  const url = new URL(specifier.replace(/js$/, 'ts'), parent);
  return existsSync(url) ? url.href : undefined;
}
