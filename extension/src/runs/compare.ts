/** Runs side by side, as rows of a table. */
import { number, value } from '../format';
import type { CodeChange, Comparison } from '../types';

export interface ICompareRow {
  readonly name: string;
  /** One text for each run. */
  readonly cells: readonly string[];
  readonly differs: boolean;
}

/** Whether not all are the same JSON. */
export function differ(values: readonly unknown[]): boolean {
  return new Set(values.map(one => JSON.stringify(one ?? null))).size > 1;
}

/** A row for each name; those that differ stand first. */
export function rowsOf(
  values: Readonly<Record<string, readonly unknown[]>>,
  text: (one: unknown) => string
): ICompareRow[] {
  const rows = Object.entries(values).map(([name, all]) => ({
    name,
    cells: all.map(text),
    differs: differ(all)
  }));
  return [...rows.filter(row => row.differs), ...rows.filter(row => !row.differs)];
}

/** The parts of a comparison, each as rows. */
export function partsOf(
  comparison: Comparison,
  word: (state: string) => string
): {
  parameters: ICompareRow[];
  metrics: ICompareRow[];
  tasks: ICompareRow[];
} {
  return {
    metrics: rowsOf(comparison.metrics, one => number(one as number | null)),
    parameters: rowsOf(comparison.parameters, one => (one === null ? '–' : value(one))),
    tasks: rowsOf(comparison.tasks, one => (one === null ? '–' : word(String(one))))
  };
}

/** `A`, `B`, ... : runs of the same minute cannot be told apart by their time. */
export function letterOf(index: number): string {
  return index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
}

/** How a task's code differs from the first run, and which runs have it like that. */
export interface IChange {
  readonly task: string;
  readonly diff: string;
  /** The places of the runs in the comparison. */
  readonly runs: readonly number[];
}

/** Changes with the runs that share them. */
export function changesOf(code: readonly CodeChange[], ids: readonly string[]): IChange[] {
  const found = new Map<string, { task: string; diff: string; runs: number[] }>();
  for (const { task, diff, run } of code) {
    const key = JSON.stringify([task, diff]);
    const change = found.get(key) ?? { task, diff, runs: [] };
    change.runs.push(ids.indexOf(run));
    found.set(key, change);
  }
  return [...found.values()];
}
