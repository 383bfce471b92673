import t from 'tap';
import { exampleReport } from '../../../tools/support/bench-reports.js';
import { byteRateText, countText, rangeText, timeText } from '../src/figures.js';
import { reportCsv } from '../src/report/csv.js';
import { reportMarkdown } from '../src/report/markdown.js';
import { reportText } from '../src/report/report-text.js';
import { summaryOf } from '../src/report/summary.js';

t.test('figures have three digits and the unit that fits', async (t) => {
  t.equal(timeText(21_340), '21.3 us');
  t.equal(timeText(0.5), '0.50 ns');
  t.equal(timeText(2.5e9), '2.50 s');
  t.equal(countText(123_456), '123 k');
  t.equal(byteRateText(1.234e9), '1.23 GB/s');
  t.equal(rangeText({ median: 2000, lowest: 1000, highest: 3000 }, timeText), '1.00..3.00 us');
  t.equal(rangeText({ median: 2000, lowest: 900, highest: 3000 }, timeText), '900 ns..3.00 us');
});

t.test('ratios are to the floor and to the first transport, for rates as well', async (t) => {
  const { results } = exampleReport();
  const tcp = results.filter(({ contender }) => contender === 'tcp');
  for (const { toFloor, toFirst, quantity } of tcp) {
    t.equal(toFloor?.floor, 'echo unix');
    t.equal(toFloor?.median.toFixed(6), '3.000000', quantity);
    t.equal(toFirst?.median.toFixed(6), '1.500000', quantity);
  }
  const floor = results.find(({ role }) => role === 'floor');
  t.equal(floor?.toFloor, undefined);
  t.equal(floor?.toFirst, undefined);
  t.match(tcp[0], { cpu: { client: 1e4, server: 2e4 }, operations: 6000 });
});

t.test('a report is a table for people, with where it is from', async (t) => {
  const text = reportText(exampleReport());
  t.match(text, 'lab: 2 x Example <1> & more, 8 GiB, Linux 6.18');
  t.match(text, 'load 0.1 before and 1.2 after');
  t.match(text, /closed loop +\(echo unix\) +20\.\d us/);
  t.match(text, /\n +tcp +60\.\d us .* 3\.00 +1\.50 +10\.0 us +20\.0 us\n/);
  t.match(text, 'Not measured:\n  rdma: no adapter');
});

t.test('a document has the same tables, and says how to read them', async (t) => {
  const text = reportMarkdown(exampleReport());
  t.match(text, '| case | | min | p50 | p99 | p99.9 | max |'.replace('| |', '|  |'));
  t.match(text, /\| closed loop \| \(echo unix\) \|/);
  t.match(text, '## How to read it');
  t.match(text, '- lab: 2 x Example');
});

t.test('spreadsheets get a line for each contender of each case', async (t) => {
  const lines = reportCsv(exampleReport()).trimEnd().split('\r\n');
  t.equal(lines.length, 1 + 4 * 3);
  t.match(lines[2], /^region-read,region-read\/closed,unix,transport,closed,1,,3,6000,/);
});

t.test('a report begins with which transport to take, and why', async (t) => {
  const report = exampleReport();
  const [first, second, third] = reportText(report).split('\n');
  t.equal(first, 'On one host: unix.');
  t.equal(
    second,
    'To another host on a network that you trust: tcp (takes 1.50 times as long as unix).',
  );
  t.match(third, /^Warning: All cases have too few samples for p99\.9 \(6000 at the least\)/);
  const { table, warnings } = summaryOf(report);
  t.strictSame(table.head, ['', 'unix', 'tcp', 'x unix']);
  t.strictSame(table.rows, [
    ['region-read, closed loop', '40.0 us', '60.0 us', '1.50'],
    ['dma-read, 65536 B, depth 4', '1.64 GB/s', '1.09 GB/s', '1.50'],
  ]);
  t.equal(warnings.length, 1);
  t.match(reportMarkdown(report), '- On one host: unix.\n');
  t.match(reportText(report), /1\.67 ms +~3\.49 ms/, 'only what chance decides is marked');
});

t.test('a summary warns of a busy machine, and of one transport alone', async (t) => {
  const report = exampleReport();
  const busy = { ...report.machine, load: { before: 3, after: 4 } };
  t.match(summaryOf({ ...report, machine: busy }).warnings[0], /busy .* \(load 3, 2 processors\)/);
  const alone = {
    ...report,
    targets: report.targets.slice(0, 1),
    results: report.results.filter(({ contender }) => contender !== 'tcp'),
  };
  t.strictSame(summaryOf(alone).sentences, ['One transport alone leaves nothing to choose from.']);
});

t.test('transports for the same situation are held against its fastest one', async (t) => {
  const report = exampleReport();
  const targets = ['unix', 'tcp'].map((name) => ({ name, uri: `${name}:x` }));
  const slower = report.results
    .filter(({ contender }) => contender === 'tcp')
    .map((result) => ({ ...result, contender: 'ws' }));
  const all = { ...report, results: [...report.results, ...slower] };
  const { sentences } = summaryOf({ ...all, targets: [...targets, { name: 'ws', uri: 'ws://x' }] });
  t.match(sentences[1], /: tcp \(takes .*\); ws takes 1\.00 times as long as it\.$/);
});

t.test('what the first transport was not measured with has no ratio to it', async (t) => {
  const results = exampleReport({ unmeasured: { unix: 'region-read' } });
  const { table, sentences } = summaryOf(results);
  t.strictSame(table.rows[0], ['region-read, closed loop', '-', '60.0 us', '-']);
  t.strictSame(table.rows[1]?.at(-1), '1.50');
  t.match(sentences[1], /: tcp \(takes 1\.50 times as long as unix\)\.$/);
});

t.test('transports that share no test are not held against each other', async (t) => {
  const report = exampleReport({ unmeasured: { unix: 'region-read', tcp: 'dma-read' } });
  t.match(summaryOf(report).sentences[1], /: tcp \(was in no test together with unix\)\.$/);
});

t.test('few samples are warned of once', async (t) => {
  const report = exampleReport();
  const few = report.results.map((result) => ({ ...result, operations: 20 }));
  t.strictSame(summaryOf({ ...report, results: few }).warnings, [
    'All cases have too few samples for p99 and p99.9 (20 at the least), marked ~: a longer --duration has more.',
  ]);
});
