/** Values of parameters as they are typed: text in fields of the form. */
import type { TranslationBundle } from '@jupyterlab/translation';

/** What was read, or why it could not be. */
export type Read<T> = { readonly value: T } | { readonly error: string };

/** A value as the form shows it. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) {
    return value === null ? 'None' : '';
  }
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Choices as the form shows them: `1, 2, 4`; texts that hold a comma are quoted. */
export function choicesText(values: readonly unknown[]): string {
  return values
    .map(one =>
      typeof one === 'string' && /[,"[\]{}]/.test(one) ? JSON.stringify(one) : textOf(one)
    )
    .join(', ');
}

/** Split at the commas that stand in no bracket and no quotes. */
export function splitChoices(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  let quote = '';
  for (const char of text) {
    if (quote) {
      quote = char === quote ? '' : quote;
    } else if (char === '"' || char === "'") {
      quote = part.trim() === '' || depth ? char : '';
    } else if ('[({'.includes(char)) {
      depth += 1;
    } else if ('])}'.includes(char)) {
      depth -= 1;
    } else if (char === ',' && depth <= 0) {
      parts.push(part.trim());
      part = '';
      continue;
    }
    part += char;
  }
  parts.push(part.trim());
  return parts.filter(one => one !== '');
}

/** Read a value of a parameter's type. */
export function readValue(
  text: string,
  type: string,
  isOptional: boolean,
  trans: TranslationBundle
): Read<unknown> {
  const stripped = text.trim();
  if (isOptional && ['None', 'null'].includes(stripped)) {
    return { value: null };
  }
  switch (type) {
    case 'str':
      return { value: unquoted(stripped) ?? text };
    case 'bool':
      return readBool(stripped, trans);
    case 'int':
    case 'float':
      return readNumber(stripped, type, trans);
    default:
      return readLiteral(stripped, type, trans);
  }
}

/** Read a number; `int` is a whole one. */
export function readNumber(text: string, type: string, trans: TranslationBundle): Read<number> {
  const value = Number(text.replace(/_/g, ''));
  if (text.trim() === '' || !Number.isFinite(value)) {
    return {
      error: text.trim() ? trans.__('%1 is no number', text.trim()) : trans.__('Give a number')
    };
  }
  if (type === 'int' && !Number.isInteger(value)) {
    return { error: trans.__('This parameter is a whole number') };
  }
  return { value };
}

function readBool(text: string, trans: TranslationBundle): Read<boolean> {
  const word = text.toLowerCase();
  if (['true', 'yes', 'on', '1'].includes(word)) {
    return { value: true };
  }
  if (['false', 'no', 'off', '0'].includes(word)) {
    return { value: false };
  }
  return { error: trans.__('Write True or False') };
}

function readLiteral(text: string, type: string, trans: TranslationBundle): Read<unknown> {
  const json = text
    .replace(/^\((.*)\)$/s, '[$1]')
    .replace(/\bNone\b/g, 'null')
    .replace(/\bTrue\b/g, 'true')
    .replace(/\bFalse\b/g, 'false');
  for (const form of [json, json.replace(/'/g, '"'), json.replace(/,\s*\]$/, ']')]) {
    try {
      return { value: JSON.parse(form) as unknown };
    } catch {
      // the next form may be JSON
    }
  }
  return type === 'None'
    ? { value: text }
    : { error: trans.__('Write a %1 as JSON, as in [1, 2]', type) };
}

function unquoted(text: string): string | null {
  const match = /^(["'])(.*)\1$/s.exec(text);
  return match ? match[2].replace(/\\(["'\\])/g, '$1') : null;
}
