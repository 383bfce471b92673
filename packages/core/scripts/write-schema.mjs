/** Writes docs/schema/portable-protocol.schema.json from the built schemas: `pnpm schema`. */
import { writeFile } from 'node:fs/promises';
import { portableJsonSchema } from '../dist/protocol/portable/json-schema.js';

const target = new URL('../../../docs/schema/portable-protocol.schema.json', import.meta.url);
await writeFile(target, `${JSON.stringify(portableJsonSchema(), null, 2)}\n`);
