import { readFile } from 'node:fs/promises';
import t from 'tap';
import { Command, ExtensionCommand } from '../../../src/protocol/enums.js';
import { portableJsonSchema } from '../../../src/protocol/portable/json-schema.js';

const published = new URL(
  '../../../../../docs/schema/portable-protocol.schema.json',
  import.meta.url,
);

t.test('the published JSON Schema is up to date', async (t) => {
  const current = JSON.parse(JSON.stringify(portableJsonSchema()));
  const text = 'write it anew: pnpm --filter @vfio-user/core schema';
  t.strictSame(JSON.parse(await readFile(published, 'utf8')), current, text);
});

t.test('it has every message in both directions', async (t) => {
  const { oneOf, $defs } = JSON.parse(await readFile(published, 'utf8'));
  const commands = [...Object.values(Command), ...Object.values(ExtensionCommand)];
  t.equal(oneOf.length, 2 * commands.length + 1, 'and errors');
  t.same($defs.dmaReadRequest.properties.body, {
    type: 'object',
    properties: {
      address: { type: 'integer', minimum: 0, format: 'uint64' },
      count: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    },
    required: ['address', 'count'],
  });
  t.ok($defs.preface);
});
