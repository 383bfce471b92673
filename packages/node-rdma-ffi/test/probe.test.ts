import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { probe } from '../src/index.js';

const LIBRARY_MISSING =
  /^libibverbs\.so\.1 cannot be loaded \(.+\): apt install libibverbs1 ibverbs-providers/;

t.test('importing is harmless, and a missing library is said with its package', async (t) => {
  const folder = t.testdir();
  // The loader finds this file first, and cannot use it.
  writeFileSync(`${folder}/libibverbs.so.1`, '');
  const script = `
    const { probe, listDevices } = await import(${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)});
    const results = [probe()];
    try {
      listDevices();
    } catch ({ name, code, message }) {
      results.push({ name, code, message });
    }
    process.stdout.write(JSON.stringify(results));`;
  const { stdout } = spawnSync(
    process.execPath,
    [...process.execArgv, '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
      env: { ...process.env, LD_LIBRARY_PATH: folder, NODE_RDMA_LIBRARY: '' },
    },
  );
  t.match(JSON.parse(stdout), [
    { available: false, reason: LIBRARY_MISSING },
    { name: 'RdmaError', code: 'RDMA_UNAVAILABLE', message: LIBRARY_MISSING },
  ]);
});

t.test('a library of another name is used, and said when it is wrong', async (t) => {
  t.teardown(() => delete process.env.NODE_RDMA_LIBRARY);
  process.env.NODE_RDMA_LIBRARY = '/nowhere/libibverbs.so';
  t.match(probe(), {
    available: false,
    reason: /^\/nowhere\/libibverbs\.so cannot be loaded .+: correct or unset NODE_RDMA_LIBRARY$/,
  });
  process.env.NODE_RDMA_LIBRARY = 'libm.so.6';
  t.match(probe(), { available: false, reason: /^libm\.so\.6 is no libibverbs / });
});

t.test('a machine is probed without throwing', async (t) => {
  const found = probe();
  if (found.available) {
    t.ok(found.devices.length > 0);
  } else if (LIBRARY_MISSING.test(found.reason)) {
    t.pass(found.reason);
  } else if (existsSync('/sys/class/infiniband_verbs')) {
    t.match(found.reason, /modprobe|apt install|device/);
  } else {
    t.match(found.reason, /^the kernel offers no RDMA .+: modprobe ib_uverbs/);
  }
});
