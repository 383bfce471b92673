// Counts what each operation takes, and prints it as JSON.
import { type Counts, countsOf, watchSystemCalls } from './counters.js';
import { closeDevice, operations } from './operations.js';

watchSystemCalls();
const counted: Record<string, Counts> = {};
for (const [name, begin] of Object.entries(operations)) {
  const { run, times } = await begin();
  counted[name] = await countsOf(run, times);
  await closeDevice();
}
process.stdout.write(`${JSON.stringify(counted)}\n`);
process.exit();
