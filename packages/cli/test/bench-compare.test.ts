import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reportJson } from '@vfio-user/bench';
import t from 'tap';
import { exampleReport } from '../../../tools/support/bench-reports.js';
import { COMMAND } from './cli-process.js';
import { runCaught } from './fake-io.js';

/** Node without some packages, as where optional ones were not installed. */
function without(packages: readonly string[]): string[] {
  const resolve = `export function resolve(name, context, next) {
    if (!${JSON.stringify(packages)}.includes(name)) return next(name, context);
    throw Object.assign(new Error("Cannot find package '" + name + "'"), { code: 'ERR_MODULE_NOT_FOUND' });
  }`;
  const hooks = `data:text/javascript,${encodeURIComponent(resolve)}`;
  const register = `import { register } from 'node:module'; register(${JSON.stringify(hooks)});`;
  return ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
}

/** Runs the built command. */
function run(nodeArgs: readonly string[], args: readonly string[]) {
  return promisify(execFile)(process.execPath, [...nodeArgs, COMMAND, ...args]).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

t.test('runs are compared, and differ only where their rounds do', async (t) => {
  const folder = t.testdir({});
  const files = [1, 2, 1.01].map((slowdown, at) => {
    const file = join(folder, `${['before', 'after', 'same'][at]}.json`);
    writeFileSync(file, reportJson(exampleReport({ slowdown })));
    return file;
  });
  const { code, stdout } = await runCaught(['bench', 'compare', ...files]);
  t.equal(code, 0);
  t.match(stdout, /before +after +x first +same +x first/);
  t.match(
    stdout,
    /tcp +60\.\d us \(54\.0\.\.66\.0 us\) +120 us \(.*\) +2\.00 +slower +60\.\d us .* 1\.01\n/,
  );
  t.match(stdout, /\(echo unix\) +50\.0 k \(.*\) +50\.0 k \(.*\) +1\.00 +50\.0 k .* 1\.00\n/);
});

t.test('what is no report is refused with status 2', async (t) => {
  const folder = t.testdir({
    'a.json': '{"format":"vfio-user-bench","version":99}',
    'b.json': '{',
  });
  for (const name of ['a', 'b', 'c']) {
    const file = join(folder, `${name}.json`);
    const { code, stderr } = await runCaught(['bench', 'compare', file, file]);
    t.equal(code, 2);
    t.match(stderr, file);
  }
});

t.test(
  'without what draws plots everything else works, and they say what to install',
  async (t) => {
    const folder = t.testdir({});
    const files = ['before', 'after'].map((name) => {
      const file = join(folder, `${name}.json`);
      writeFileSync(file, reportJson(exampleReport()));
      return file;
    });
    const drawing = ['vega', 'vega-lite', '@resvg/resvg-js'];
    const plain = await run(without(drawing), ['bench', 'compare', ...files]);
    t.equal(plain.code, 0, plain.stderr);
    t.match(plain.stdout, /x first/);

    for (const [format, missing] of [
      ['html', ['vega']],
      ['html', ['vega-lite']],
      ['png', ['vega']],
      ['png', ['@resvg/resvg-js']],
    ] as const) {
      const output = join(folder, `plots.${format}`);
      const args = ['bench', 'compare', ...files, `--${format}`, output];
      const { code, stdout, stderr } = await run(without(missing), args);
      t.equal(code, 1, `${format} without ${missing}`);
      t.equal(stdout, '', 'before anything is done');
      t.match(stderr, `vfio-user: --${format} draws plots with vega, vega-lite`);
      t.match(stderr, 'npm install vega vega-lite');
      t.notMatch(stderr, /\n +at /, 'no stack');
      t.notOk(existsSync(output), 'and no file is left');
    }
    const html = join(folder, 'plots.html');
    const drawn = await run(without(['@resvg/resvg-js']), [
      'bench',
      'compare',
      ...files,
      '--html',
      html,
    ]);
    t.equal(drawn.code, 0, drawn.stderr);
    t.ok(existsSync(html), 'a page needs nothing that renders pictures');
  },
);
