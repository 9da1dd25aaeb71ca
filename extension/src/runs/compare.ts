/** Runs side by side, as rows of a table. */
import { number, value } from '../format';
import type { Comparison } from '../types';

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
