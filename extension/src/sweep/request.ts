/** The whole form of a sweep: what is wrong with it, how many trials it makes, and what the server is sent. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Analysis, SweepOptions } from '../types';
import { readField } from './fields';
import type { IField, IReading } from './fields';

export type Method = 'auto' | 'grid' | 'random' | 'tpe';
export type Direction = 'maximize' | 'minimize';

/** What is asked beside the parameters. */
export interface IChoice {
  readonly method: Method;
  /** As typed; empty for as many as fit. */
  readonly trials: string;
  readonly parallel: string;
  readonly metric: string;
  readonly direction: Direction;
}

export interface ISize {
  readonly method: Exclude<Method, 'auto'>;
  readonly trials: number;
  /** How many a whole grid has; null where its values cannot be counted. */
  readonly grid: number | null;
}

export interface IFormReading {
  readonly readings: Readonly<Record<string, IReading>>;
  readonly errors: Readonly<
    Partial<Record<'space' | 'trials' | 'parallel' | 'metric' | 'method', string>>
  >;
  readonly size: ISize | null;
  /** What is sent; null while something is wrong. */
  readonly options: SweepOptions | null;
}

export const DEFAULT_TRIALS = 20;

const LOWER_IS_BETTER = 'loss error mse mae rmse mape logloss brier perplexity'.split(' ');

/** Which way a metric is better, as its name says. */
export function directionOf(metric: string): Direction {
  const words = metric.toLowerCase().split('_');
  return words.some(word => LOWER_IS_BETTER.includes(word)) ? 'minimize' : 'maximize';
}

/** The form as it stands before anyone types. */
export function choiceOf(analysis: Analysis): IChoice {
  const { sweep, metrics } = analysis;
  const metric = sweep.metric ?? metrics[0] ?? '';
  return {
    method: sweep.search ?? 'auto',
    trials: sweep.trials === null ? '' : String(sweep.trials),
    parallel: String(sweep.parallel),
    metric,
    direction: sweep.metric ? sweep.direction : directionOf(metric)
  };
}

/** How many trials there will be; null for a grid that cannot be counted. */
export function sizeOf(
  counts: readonly (number | null)[],
  method: Method,
  trials: number | null
): ISize | null {
  const grid = counts.reduce<number | null>(
    (product, count) => (product === null || count === null ? null : product * count),
    1
  );
  const chosen =
    method !== 'auto'
      ? method
      : grid !== null && grid <= (trials ?? DEFAULT_TRIALS)
        ? 'grid'
        : 'tpe';
  if (chosen !== 'grid') {
    return { method: chosen, trials: trials ?? DEFAULT_TRIALS, grid };
  }
  return grid === null ? null : { method: chosen, trials: Math.min(grid, trials ?? grid), grid };
}

/** Understand the form. */
export function readForm(
  path: string,
  analysis: Analysis,
  fields: Readonly<Record<string, IField>>,
  choice: IChoice,
  trans: TranslationBundle
): IFormReading {
  const readings = Object.fromEntries(
    analysis.parameters.map(one => [one.name, readField(one, fields[one.name], trans)])
  );
  const errors: Partial<Record<keyof IFormReading['errors'], string>> = {};
  const searched = analysis.parameters.filter(one => fields[one.name].how !== 'fixed');
  const isRead = Object.values(readings).every(one => !Object.keys(one.errors).length);
  const trials = wholeNumber(choice.trials);
  const parallel = wholeNumber(choice.parallel);
  if (!searched.length) {
    errors.space = trans.__('Give at least one parameter choices or a range to search.');
  }
  if (choice.trials.trim() && trials === null) {
    errors.trials = trans.__('A whole number above 0, or nothing');
  }
  if (parallel === null) {
    errors.parallel = trans.__('A whole number above 0');
  }
  if (!analysis.metrics.includes(choice.metric)) {
    errors.metric = choice.metric
      ? trans.__('The notebook has no metric %1', choice.metric)
      : trans.__('Choose what is to be made better');
  }
  const size =
    searched.length && isRead
      ? sizeOf(
          searched.map(one => readings[one.name].count),
          choice.method,
          trials
        )
      : null;
  if (searched.length && isRead && !size) {
    const endless = searched.filter(one => readings[one.name].count === null);
    errors.method = trans.__(
      'A grid cannot count the values of %1: give it choices or a step, or search another way.',
      endless.map(one => one.name).join(', ')
    );
  }
  const isFine = isRead && !Object.keys(errors).length;
  return {
    readings,
    errors,
    size,
    options: isFine ? optionsOf(path, readings, choice, trials, parallel) : null
  };
}

function optionsOf(
  path: string,
  readings: Readonly<Record<string, IReading>>,
  choice: IChoice,
  trials: number | null,
  parallel: number | null
): SweepOptions {
  const space: Record<string, unknown> = {};
  const fixed: Record<string, unknown> = {};
  for (const [name, reading] of Object.entries(readings)) {
    if (reading.space !== undefined) {
      space[name] = reading.space;
    } else if (reading.fixed !== undefined) {
      fixed[name] = reading.fixed;
    }
  }
  return {
    path,
    space,
    fixed,
    search: choice.method === 'auto' ? null : choice.method,
    trials,
    parallel,
    metric: choice.metric,
    direction: choice.direction
  };
}

function wholeNumber(text: string): number | null {
  const value = Number(text);
  return text.trim() && Number.isInteger(value) && value > 0 ? value : null;
}
