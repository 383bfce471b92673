// npm run bench:rdma: DMA over RDMA in a guest, beside perftest and beside TCP. Prints a table; nothing but a failure to
// measure fails it.

import { ratioOf, spreadOf } from '@vfio-user/bench';
import t from 'tap';
import { bootRdmaGuest } from '../src/rdma-guest.js';
import { createTestRig } from '../src/test-rig.js';

const ROUNDS = 3;

interface Row {
  readonly title: string;
  readonly figure: string;
  readonly unit: string;
  /** perftest's figure in that unit. */
  readonly perftest: (figures: Figures) => number[];
}

/** By their names, one value a round. */
type Figures = ReadonlyMap<string, readonly number[]>;

const rows: readonly Row[] = [
  {
    title: 'READ of 4 KiB, typical',
    figure: 'read_us',
    unit: 'us',
    perftest: (figures) => of(figures, 'perftest_read_us'),
  },
  {
    title: 'WRITE of 4 KiB, average',
    figure: 'write_us',
    unit: 'us',
    perftest: (figures) => of(figures, 'perftest_write_rate_4k').map((millions) => 1 / millions),
  },
  {
    title: 'READ of 1 MiB, 4 at a time',
    figure: 'read_rate',
    unit: 'MiB/s',
    perftest: (figures) => of(figures, 'perftest_read_rate'),
  },
  {
    title: 'WRITE of 1 MiB, 4 at a time',
    figure: 'write_rate',
    unit: 'MiB/s',
    perftest: (figures) => of(figures, 'perftest_write_rate'),
  },
];

t.test('DMA over RDMA, perftest and DMA over TCP are measured', async (t) => {
  const bench = await createTestRig(t);
  const guest = await bootRdmaGuest(bench, { clock: 'instructions', timeoutMs: 800_000 });
  const { output } = await guest.run('rdma-bench', String(ROUNDS));
  const figures = figuresOf(output);
  const cells = rows.map(({ title, figure, unit, perftest }) => {
    const ours = of(figures, `rdma_${figure}`);
    const floor = perftest(figures);
    for (const values of [ours, floor]) t.equal(values.length, ROUNDS, title);
    const ratio = ratioOf(ours, floor);
    const figureText = (values: number[]): string =>
      `${spreadOf(values).median.toFixed(1)} ${unit}`;
    const tcp = figureText(of(figures, `tcp_${figure}`));
    return [title, figureText(ours), figureText(floor), ratio?.median.toFixed(2), tcp];
  });
  const header = ['what', 'rdma:', 'perftest', 'ratio', 'tcp:'];
  const lines = [header, header.map(() => '---'), ...cells].map(
    (row) => `| ${row.join(' | ')} |\n`,
  );
  process.stderr.write(`\n${lines.join('')}\n`);
});

function figuresOf(output: readonly string[]): Figures {
  const figures = new Map<string, number[]>();
  for (const line of output) {
    const [, name, value] = /^RESULT (\w+)=([\d.]+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    figures.set(name, [...(figures.get(name) ?? []), Number(value)]);
  }
  return figures;
}

function of(figures: Figures, name: string): number[] {
  return [...(figures.get(name) ?? [])];
}
