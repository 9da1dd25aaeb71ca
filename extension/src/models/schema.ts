/** What a service takes, by the JSON Schema of its route, and the data that a form has made for it. */
import type { JSONObject, JSONValue } from '@lumino/coreutils';

export type Schema = JSONObject;

/** A route of a service with what it takes and a call that it is known to answer. */
export interface IRoute {
  readonly name: string;
  readonly input: Schema;
  readonly sample: JSONValue;
}

const MOST_FIELDS = 120;

export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The routes of a model version, from its `signature` and `sample`. */
export function routesOf(signature: unknown, sample: unknown): IRoute[] {
  if (!isObject(signature)) {
    return [];
  }
  return Object.entries(signature).map(([name, route]) => ({
    name,
    input: isObject(route) && isObject(route.input) ? route.input : {},
    sample: isObject(sample) && name in sample ? sample[name] : {}
  }));
}

/** How many single values some data hold. */
export function leaves(data: JSONValue): number {
  if (typeof data !== 'object' || data === null) {
    return 1;
  }
  const parts = Array.isArray(data) ? data : Object.values(data);
  return parts.reduce<number>((sum, part) => sum + leaves(part), 0);
}

/** Whether a form for this many values can be used by a person. */
export function fitsForm(data: JSONValue): boolean {
  return leaves(data) <= MOST_FIELDS;
}

/** The schema as the form shows it: fields by the names that the service knows them by, `X or null` as one field. */
export function formSchema(schema: Schema): Schema {
  return { ...(plain(schema) as Schema), title: '' };
}

function plain(schema: JSONValue): JSONValue {
  if (Array.isArray(schema)) {
    return schema.map(plain);
  }
  if (!isObject(schema)) {
    return schema;
  }
  const { properties, anyOf } = schema;
  const own = Object.entries(schema).filter(
    ([key]) => !['title', 'properties', 'anyOf'].includes(key)
  );
  const result: JSONObject = Object.fromEntries(
    own.map(([key, one]) => [
      key,
      ['default', 'const', 'enum', 'examples'].includes(key) ? one : plain(one)
    ])
  );
  if (isObject(properties)) {
    result.properties = Object.fromEntries(
      Object.entries(properties).map(([name, one]) => [name, plain(one)])
    );
  }
  if (Array.isArray(anyOf)) {
    const others = anyOf.filter(one => !(isObject(one) && one.type === 'null'));
    const only = others[0];
    if (others.length === 1 && others.length < anyOf.length && isObject(only)) {
      return { ...(plain(only) as JSONObject), ...result, ...nullable(only) };
    }
    result.anyOf = anyOf.map(plain);
  }
  return result;
}

function nullable(schema: JSONObject): JSONObject {
  return typeof schema.type === 'string' ? { type: [schema.type, 'null'] } : {};
}

/** The data with null where a form left out what the service wants and may be null. */
export function completed(schema: Schema, data: JSONValue): JSONValue {
  return fill(schema, data, isObject(schema.$defs) ? schema.$defs : {});
}

function fill(schema: JSONValue | undefined, data: JSONValue, defs: JSONObject): JSONValue {
  const known = resolve(schema, defs);
  if (Array.isArray(data)) {
    return data.map(one => fill(known.items, one, defs));
  }
  if (!isObject(data)) {
    return data;
  }
  const properties = isObject(known.properties) ? known.properties : {};
  const required = Array.isArray(known.required) ? known.required : [];
  const result: JSONObject = {};
  for (const [name, one] of Object.entries(data)) {
    if (one !== undefined) {
      result[name] = fill(properties[name], one, defs);
    }
  }
  for (const name of required) {
    if (
      typeof name === 'string' &&
      !(name in result) &&
      allowsNull(resolve(properties[name], defs))
    ) {
      result[name] = null;
    }
  }
  return result;
}

function resolve(schema: JSONValue | undefined, defs: JSONObject): JSONObject {
  if (!isObject(schema)) {
    return {};
  }
  const reference = typeof schema.$ref === 'string' ? schema.$ref.split('/').pop() : undefined;
  const found = reference === undefined ? undefined : defs[reference];
  return isObject(found) ? found : schema;
}

function allowsNull(schema: JSONObject): boolean {
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  const ways = Array.isArray(schema.anyOf) ? schema.anyOf : [];
  return types.includes('null') || ways.some(one => isObject(one) && one.type === 'null');
}

/** The data of a form in which an empty row that was just added is a copy of the one before it. */
export function withRowsFilled(before: JSONValue, after: JSONValue): JSONValue {
  if (!isObject(before) || !isObject(after)) {
    return after;
  }
  return Object.fromEntries(
    Object.entries(after).map(([name, rows]) => {
      const old = before[name];
      const isNew = Array.isArray(rows) && Array.isArray(old) && rows.length === old.length + 1;
      const added = isNew ? rows[rows.length - 1] : null;
      const isEmpty = isObject(added) && Object.values(added).every(isNothing);
      const last = isNew ? old[old.length - 1] : undefined;
      return [
        name,
        isEmpty && isNew && isObject(last) ? [...rows.slice(0, -1), { ...last }] : rows
      ];
    })
  );
}

/** What a form has for a field that nobody has filled. */
function isNothing(value: JSONValue | undefined): boolean {
  return (
    value === undefined ||
    value === null ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  );
}

/** Rows of an answer that is a list of flat objects, as a table has them; null for any other answer. */
export function tableOf(answer: unknown): { head: string[]; rows: unknown[][] } | null {
  if (!Array.isArray(answer) || !answer.length || !answer.every(isFlat)) {
    return null;
  }
  const head = [...new Set(answer.flatMap(row => Object.keys(row)))];
  return { head, rows: answer.map(row => head.map(name => row[name])) };
}

function isFlat(row: unknown): row is JSONObject {
  return isObject(row) && Object.values(row).every(one => typeof one !== 'object' || one === null);
}
