import { NotebookModel } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { beforeEach, describe, expect, it } from 'vitest';

import { tagsOf } from '../src/document';
import { Tagging } from '../src/tagging';

/** A real notebook model in a panel that has no more than what tagging looks at. */
function panelOf(...tags: string[][]): { panel: NotebookPanel; model: NotebookModel } {
  const model = new NotebookModel();
  model.fromJSON({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {},
    cells: tags.map((one, index) => ({
      id: `c${index + 1}`,
      cell_type: 'code',
      source: '',
      outputs: [],
      execution_count: null,
      metadata: one.length ? { tags: one, other: 1 } : {}
    }))
  });
  const context = { isReady: true, model, contentsModel: { writable: true } };
  return { panel: { context, content: { model } } as unknown as NotebookPanel, model };
}

function all(model: NotebookModel): string[] {
  return Array.from(model.cells, cell => tagsOf(cell).join(' '));
}

describe('Tagging', () => {
  let tagging: Tagging;

  beforeEach(() => {
    tagging = new Tagging();
  });

  it('sets tags, and goes back and forth', () => {
    const { panel, model } = panelOf(['x', 'task:a'], []);
    tagging.apply(
      panel,
      new Map([
        ['c1', ['x', 'task:b']],
        ['c2', ['metrics']]
      ]),
      'Rename'
    );
    expect(all(model)).toEqual(['x task:b', 'metrics']);
    expect([tagging.undoable(panel), tagging.redoable(panel)]).toEqual(['Rename', null]);
    tagging.undo(panel);
    expect(all(model)).toEqual(['x task:a', '']);
    expect([tagging.undoable(panel), tagging.redoable(panel)]).toEqual([null, 'Rename']);
    tagging.redo(panel);
    expect(all(model)).toEqual(['x task:b', 'metrics']);
  });

  it('leaves no empty list behind, and other metadata alone', () => {
    const { panel, model } = panelOf(['task:a']);
    tagging.apply(panel, new Map([['c1', []]]), 'Remove');
    expect(model.cells.get(0).metadata).toEqual({ other: 1 });
  });

  it('remembers nothing where nothing has changed', () => {
    const { panel } = panelOf(['task:a']);
    expect(tagging.apply(panel, new Map([['c1', ['task:a']]]), 'Same')).toBe(false);
    expect(tagging.undoable(panel)).toBeNull();
  });

  it('forgets what was undone when something else is done', () => {
    const { panel } = panelOf(['task:a']);
    tagging.apply(panel, new Map([['c1', ['task:b']]]), 'One');
    tagging.undo(panel);
    tagging.apply(panel, new Map([['c1', ['task:c']]]), 'Two');
    expect(tagging.redoable(panel)).toBeNull();
  });

  it('does not touch a notebook that is read-only', () => {
    const { panel, model } = panelOf(['task:a']);
    Object.assign(panel.context.contentsModel!, { writable: false });
    expect(tagging.apply(panel, new Map([['c1', []]]), 'Remove')).toBe(false);
    expect(all(model)).toEqual(['task:a']);
  });

  it('goes back as far as cells are there', () => {
    const { panel, model } = panelOf(['task:a'], ['task:b']);
    tagging.apply(
      panel,
      new Map([
        ['c1', []],
        ['c2', []]
      ]),
      'Remove'
    );
    model.sharedModel.deleteCell(0);
    tagging.undo(panel);
    expect(all(model)).toEqual(['task:b']);
  });

  it('keeps a history for each notebook', () => {
    const one = panelOf(['task:a']);
    const other = panelOf(['task:a']);
    tagging.apply(one.panel, new Map([['c1', []]]), 'Remove');
    expect(tagging.undoable(other.panel)).toBeNull();
  });
});
