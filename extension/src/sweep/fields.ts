/** What a sweep searches, as the form has it: for each parameter a fixed value, choices or a range. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Parameter } from '../types';
import { choicesText, readNumber, readValue, splitChoices, textOf } from './values';

export type How = 'fixed' | 'choices' | 'range';

/** What the user has typed for a parameter. */
export interface IField {
  readonly how: How;
  readonly fixed: string;
  readonly choices: string;
  readonly low: string;
  readonly high: string;
  readonly log: boolean;
  readonly step: string;
}

export type FieldPart = 'fixed' | 'choices' | 'low' | 'high' | 'log' | 'step';

/** A field as it is understood. */
export interface IReading {
  /** As pipelines.yaml has it: a list, or `{low, high, log, step}`; undefined for a fixed value. */
  readonly space?: unknown;
  /** A fixed value; undefined where it is the notebook's own. */
  readonly fixed?: unknown;
  /** How many values a grid would try; null where they cannot be counted. */
  readonly count: number | null;
  readonly errors: Readonly<Partial<Record<FieldPart, string>>>;
}

interface IRangeForm {
  low: number;
  high: number;
  log?: boolean;
  step?: number | null;
}

/** Whether a parameter can have a range. */
export function isNumeric(parameter: Parameter): boolean {
  return parameter.type === 'int' || parameter.type === 'float';
}

/** The field as it stands before anyone types: the space of pipelines.yaml, else the value that a run has now. */
export function fieldOf(parameter: Parameter, given?: unknown): IField {
  const now = given ?? parameter.value ?? parameter.default;
  const { space } = parameter;
  const empty: IField = {
    how: 'fixed',
    fixed: textOf(now),
    choices: parameter.type === 'bool' ? 'True, False' : textOf(now),
    low: '',
    high: '',
    log: false,
    step: ''
  };
  if (Array.isArray(space)) {
    return { ...empty, how: 'choices', choices: choicesText(space) };
  }
  if (isRange(space)) {
    const step = space.step ? textOf(space.step) : '';
    const bounds = { low: textOf(space.low), high: textOf(space.high) };
    return { ...empty, how: 'range', ...bounds, log: space.log ?? false, step };
  }
  return empty;
}

function isRange(space: unknown): space is IRangeForm {
  return typeof space === 'object' && space !== null && 'low' in space && 'high' in space;
}

/** Understand a field; messages stand beside the part that is wrong. */
export function readField(parameter: Parameter, field: IField, trans: TranslationBundle): IReading {
  switch (field.how) {
    case 'choices':
      return readChoices(parameter, field, trans);
    case 'range':
      return readRange(parameter, field, trans);
    default:
      return readFixed(parameter, field, trans);
  }
}

function readFixed(parameter: Parameter, field: IField, trans: TranslationBundle): IReading {
  const own = parameter.value ?? parameter.default;
  if (field.fixed === textOf(own)) {
    return { count: 1, errors: {} };
  }
  const read = readValue(field.fixed, parameter.type, parameter.optional, trans);
  return 'error' in read
    ? { count: 1, errors: { fixed: read.error } }
    : { fixed: read.value, count: 1, errors: {} };
}

function readChoices(parameter: Parameter, field: IField, trans: TranslationBundle): IReading {
  const values: unknown[] = [];
  for (const part of splitChoices(field.choices)) {
    const read = readValue(part, parameter.type, parameter.optional, trans);
    if ('error' in read) {
      return { count: null, errors: { choices: `${part}: ${read.error}` } };
    }
    values.push(read.value);
  }
  const texts = values.map(one => JSON.stringify(one));
  const twice = texts.find((text, index) => texts.indexOf(text) !== index);
  if (!values.length) {
    return {
      count: null,
      errors: { choices: trans.__('List the values, with commas between them') }
    };
  }
  if (twice !== undefined) {
    return { count: null, errors: { choices: trans.__('%1 is listed twice', twice) } };
  }
  return { space: values, count: values.length, errors: {} };
}

function readRange(parameter: Parameter, field: IField, trans: TranslationBundle): IReading {
  const errors: Partial<Record<FieldPart, string>> = {};
  const number = (part: 'low' | 'high' | 'step'): number => {
    const read = readNumber(field[part], parameter.type, trans);
    if ('error' in read) {
      errors[part] = read.error;
      return NaN;
    }
    return read.value;
  };
  const [low, high] = [number('low'), number('high')];
  const step = field.step.trim() ? number('step') : null;
  if (low >= high) {
    errors.high = trans.__('It has to be above %1', low);
  }
  if (field.log && low <= 0) {
    errors.low = trans.__('A logarithmic range begins above 0');
  }
  if (field.log && step !== null) {
    errors.step = trans.__('A logarithmic range has no step');
  }
  if (step !== null && step <= 0) {
    errors.step = trans.__('It has to be above 0');
  }
  if (Object.keys(errors).length) {
    return { count: null, errors };
  }
  const space: IRangeForm = { low, high };
  if (field.log) {
    space.log = true;
  }
  if (step !== null) {
    space.step = step;
  }
  return { space, count: countOf(parameter, low, high, field.log, step), errors };
}

/** How many values a grid has in a range; null where it cannot count them. */
export function countOf(
  parameter: Parameter,
  low: number,
  high: number,
  isLog: boolean,
  step: number | null
): number | null {
  if (isLog || (step === null && parameter.type !== 'int')) {
    return null;
  }
  // a little slack, so that 0 to 1 by 0.1 ends with 1 in spite of binary fractions
  return Math.floor((high - low) / (step ?? 1) + 1e-9) + 1;
}
