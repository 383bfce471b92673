import * as z from 'zod';
import { errorRecord, messageSchemas } from './message-schemas.js';
import { prefaceSchema } from './preface.js';

/** `REGION_READ request` as `regionReadRequest`. */
function definitionName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function schemaOf(schema: z.ZodType): object {
  // Encoded records are the input of the schemas. Custom checks are described by metadata.
  const { $schema, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return json;
}

/** The records as a JSON Schema, for docs/schema and peers in other languages. */
export function portableJsonSchema(): object {
  const messages = [...messageSchemas()].map(([name, { record }]) => [
    definitionName(name),
    { title: name, ...schemaOf(record) },
  ]);
  const definitions: Record<string, object> = {
    ...Object.fromEntries(messages),
    error: { title: 'error reply to any request', ...schemaOf(errorRecord) },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Records of the portable vfio-user encoding',
    description:
      'Generated from the schemas in packages/core/src/protocol/portable. Unknown keys are allowed and ignored.',
    oneOf: Object.keys(definitions).map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs: {
      ...definitions,
      preface: { title: 'map of the preface, which is no frame', ...schemaOf(prefaceSchema) },
    },
  };
}
