/** The columns of the list of runs: what they show and how the server is asked to sort by them. */
import type { TranslationBundle } from '@jupyterlab/translation';

import { duration, number, value } from '../format';
import type { Run } from '../types';

/** A column behind the first one, which says when a run was and how it ended. */
export interface IColumn {
  /** As the server's `sort` names it. */
  readonly key: string;
  readonly label: string;
  readonly width: number;
  /** Whether it holds numbers, which stand at the right. */
  readonly isNumber: boolean;
  readonly text: (run: Run) => string;
}

export const FIRST_WIDTH = 148;

export interface ISort {
  readonly key: string;
  readonly order: 'asc' | 'desc';
}

export const NEWEST: ISort = { key: 'created', order: 'desc' };

/** The order after a click on a heading: the other way round, or this column from its most interesting end. */
export function sorted(now: ISort, key: string): ISort {
  if (now.key === key) {
    return { key, order: now.order === 'asc' ? 'desc' : 'asc' };
  }
  const fromTop = key === 'created' || key === 'seconds' || key.startsWith('metric:');
  return { key, order: fromTop ? 'desc' : 'asc' };
}

/** The names that any of these runs has, `first` ahead of the others. */
export function namesOf(
  runs: readonly Run[],
  of: (run: Run) => Readonly<Record<string, unknown>>,
  first: readonly string[]
): string[] {
  const found = new Set(runs.flatMap(run => Object.keys(of(run))));
  return [...first.filter(name => found.has(name)), ...[...found].filter(n => !first.includes(n))];
}

/** Time, metrics, parameters and the sweep, as far as the runs that are known have them. */
export function columnsOf(
  runs: readonly Run[],
  metrics: readonly string[],
  parameters: readonly string[],
  trans: TranslationBundle
): IColumn[] {
  const measured = namesOf(runs, run => run.metrics, metrics);
  const given = namesOf(runs, run => run.parameters, parameters);
  return [
    ...measured.map(name => ({
      key: `metric:${name}`,
      label: name,
      width: widthOf(name),
      isNumber: true,
      text: (run: Run) => number(run.metrics[name])
    })),
    {
      key: 'seconds',
      label: trans.__('time'),
      width: 88,
      isNumber: true,
      text: run => (run.seconds === null ? '' : duration(run.seconds))
    },
    ...given.map(name => ({
      key: `parameter:${name}`,
      label: name,
      width: widthOf(name),
      isNumber: runs.every(run => typeof (run.parameters[name] ?? 0) === 'number'),
      text: (run: Run) => (name in run.parameters ? value(run.parameters[name]) : '')
    }))
  ];
}

/** Wide enough for a heading with its arrow, within bounds. */
export function widthOf(name: string): number {
  return Math.min(180, Math.max(84, name.length * 8 + 34));
}

/** Where a run comes from: `trial 3 of SWEEP`; empty for one that was started by itself. */
export function originOf(run: Run, trans: TranslationBundle): string {
  if (!run.sweep) {
    return '';
  }
  return run.trial === null ? trans.__('sweep') : trans.__('trial %1', run.trial);
}

/** A moment in few characters: the time of today to the second, else the day too. */
export function shortMoment(seconds: number): string {
  const date = new Date(seconds * 1000);
  const now = new Date();
  if (date.toDateString() === now.toDateString()) {
    return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  }
  const time = { hour: '2-digit', minute: '2-digit' } as const;
  return date.getFullYear() === now.getFullYear()
    ? date.toLocaleString([], { month: 'short', day: 'numeric', ...time })
    : date.toLocaleDateString([], { year: 'numeric', month: 'short', day: 'numeric' });
}
