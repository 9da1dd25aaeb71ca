/** Where a model version comes from, as its lineage says. */
import type { TranslationBundle } from '@jupyterlab/translation';

import { isObject } from './schema';

export interface ILineage {
  /** Names and texts that stand first: notebook, commit, Python. */
  readonly facts: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Data files with their digests. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly packages: Readonly<Record<string, unknown>>;
  /** What the service carries: each value with its type. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** Read a lineage; what it lacks is left out. */
export function lineageOf(
  lineage: Readonly<Record<string, unknown>>,
  trans: TranslationBundle
): ILineage {
  const facts: Record<string, string> = {};
  const { notebook, git, serve, python } = lineage;
  if (isObject(notebook) && typeof notebook.path === 'string') {
    facts[trans.__('notebook')] = notebook.changed_since_run
      ? trans.__('%1 (changed since)', notebook.path)
      : notebook.path;
  }
  if (isObject(git) && typeof git.commit === 'string') {
    const commit = git.commit.slice(0, 10);
    facts[trans.__('commit')] = git.dirty ? trans.__('%1, with changes', commit) : commit;
  }
  if (isObject(serve) && typeof serve.name === 'string') {
    facts[trans.__('serves')] = `${serve.name} (${text(serve.kind)})`;
  }
  if (typeof python === 'string') {
    facts['Python'] = python;
  }
  const values = Object.entries(part(lineage.values)).map(([name, one]) => [
    name,
    isObject(one) ? text(one.type) : text(one)
  ]);
  return {
    facts,
    parameters: part(lineage.parameters),
    data: part(lineage.data),
    packages: part(lineage.packages),
    values: Object.fromEntries(values) as Record<string, unknown>
  };
}

function part(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}
