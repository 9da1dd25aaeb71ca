/** A JSON Schema as a list of fields, for people. */
import type { JSONObject, JSONValue } from '@lumino/coreutils';

import { value } from '../format';
import { isObject } from './schema';
import type { Schema } from './schema';

const MOST = 40; // letters of a sample's value

export interface IFieldInfo {
  readonly name: string;
  /** What it stands in: `bottles`, whose rows have it; empty for an argument itself. */
  readonly of: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly about: string;
}

/** The fields of a schema, those of rows and of objects inside it too. */
export function fieldsOf(schema: Schema): IFieldInfo[] {
  const defs = isObject(schema.$defs) ? schema.$defs : {};
  return inside(schema, '', defs, 0);
}

/** What a sample has for a field, on one line; of several rows the first one. */
export function sampleOf(sample: JSONValue, field: IFieldInfo): string {
  let found: unknown = sample;
  for (const step of field.of ? field.of.split('.') : []) {
    const isRows = step.endsWith('[]');
    found = isObject(found) ? found[isRows ? step.slice(0, -2) : step] : undefined;
    if (isRows) {
      found = Array.isArray(found) ? found[0] : undefined;
    }
  }
  const one = isObject(found) ? found[field.name] : undefined;
  const text = one === undefined ? '' : value(one);
  return text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text;
}

function inside(schema: JSONValue, of: string, defs: JSONObject, depth: number): IFieldInfo[] {
  const known = resolve(schema, defs);
  const properties = isObject(known.properties) ? known.properties : {};
  const required = Array.isArray(known.required) ? known.required : [];
  return Object.entries(properties).flatMap(([name, one]) => {
    const field = resolve(one, defs);
    const items = isObject(field.items) ? resolve(field.items, defs) : null;
    const rows = items && isObject(items.properties) ? items : null;
    const nested = rows ?? (isObject(field.properties) ? field : null);
    if (nested && depth < 3) {
      const where = of ? `${of}.${name}` : name;
      return inside(nested, rows ? `${where}[]` : where, defs, depth + 1);
    }
    return [
      {
        name,
        of,
        type: typeOf(field, defs),
        isRequired: required.includes(name),
        about: typeof field.description === 'string' ? field.description : ''
      }
    ];
  });
}

function resolve(schema: JSONValue, defs: JSONObject): JSONObject {
  if (!isObject(schema)) {
    return {};
  }
  const name = typeof schema.$ref === 'string' ? schema.$ref.split('/').pop() : undefined;
  const found = name === undefined ? undefined : defs[name];
  return isObject(found) ? found : schema;
}

/** The type in words: `number`, `number or null`, `list of number`, `one of a, b`. */
export function typeOf(schema: JSONObject, defs: JSONObject = {}): string {
  if (Array.isArray(schema.enum)) {
    return `one of ${schema.enum.map(one => JSON.stringify(one)).join(', ')}`;
  }
  if (Array.isArray(schema.anyOf)) {
    return schema.anyOf.map(one => typeOf(resolve(one, defs), defs)).join(' or ');
  }
  if (schema.type === 'array') {
    return isObject(schema.items) ? `list of ${typeOf(resolve(schema.items, defs), defs)}` : 'list';
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'anything'];
  return types.join(' or ');
}
