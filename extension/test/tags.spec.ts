import { describe, expect, it } from 'vitest';

import {
  assignTask,
  freeName,
  isTaskName,
  mergeTask,
  placeCells,
  readMarks,
  removeTask,
  renameTask,
  splitTask,
  taskAbove,
  taskNames,
  toggleRole,
  toTaskName,
  withRole,
  withTask
} from '../src/tags';
import type { Edits, ITaggedCell } from '../src/tags';

/** Cells `c1`, `c2`, ... with these tags, written with blanks between them; `#` is a markdown cell. */
function notebook(...tags: string[]): ITaggedCell[] {
  return tags.map((text, index) => ({
    id: `c${index + 1}`,
    isCode: text !== '#',
    tags: text.split(' ').filter(tag => tag && tag !== '#')
  }));
}

/** The notebook with the edits made. */
function edited(cells: readonly ITaggedCell[], edits: Edits): string[] {
  return cells.map(cell => (edits.get(cell.id) ?? cell.tags).join(' '));
}

function tasksOf(cells: readonly ITaggedCell[], edits: Edits): (string | null)[] {
  const changed = cells.map(cell => ({ ...cell, tags: edits.get(cell.id) ?? cell.tags }));
  return placeCells(changed).map(cell => cell.task);
}

describe('readMarks', () => {
  it('reads the task, the order and the roles', () => {
    expect(readMarks(['task:train', 'after:load', 'metrics'])).toEqual({
      task: 'train',
      after: ['load'],
      roles: ['metrics']
    });
  });

  it("takes Kale's tags for ours", () => {
    expect(readMarks(['block:train', 'prev:load', 'pipeline-parameters', 'functions'])).toEqual({
      task: 'train',
      after: ['load'],
      roles: ['parameters', 'imports']
    });
    expect(readMarks(['step:a', 'pipeline-metrics']).roles).toEqual(['metrics']);
  });

  it('leaves alone what is not ours, and names that no task can have', () => {
    const marks = readMarks([
      'hide-input',
      'task:',
      'task:a b',
      'task:1',
      'tasks',
      'time:12',
      ':x'
    ]);
    expect(marks).toEqual({ task: null, after: [], roles: [] });
  });

  it('takes the first of two tasks, as the server does', () => {
    expect(readMarks(['task:a', 'task:b']).task).toBe('a');
  });
});

describe('placeCells', () => {
  it('puts a cell without a tag into the task above, past text and skipped cells', () => {
    const placed = placeCells(notebook('', 'task:a', '#', '', 'skip task:x', '', 'task:b'));
    expect(placed.map(cell => [cell.number, cell.task, cell.starts])).toEqual([
      [1, null, false],
      [2, 'a', true],
      [3, 'a', false],
      [4, null, false],
      [5, 'a', false],
      [6, 'b', true]
    ]);
  });
});

describe('names', () => {
  it('are letters, digits, _ and -, and start with a letter or _', () => {
    expect(['a', '_a-1', '1a', 'a b', '', 'ä', '-a'].map(isTaskName)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false
    ]);
  });

  it('are made out of any text', () => {
    expect(['Train the model!', '1. Load', '  ', 'ok'].map(toTaskName)).toEqual([
      'Train-the-model',
      '_1-Load',
      '',
      'ok'
    ]);
  });

  it('are found in notebook order, and a free one beside them', () => {
    const cells = notebook('task:b', 'task:a', 'step:b');
    expect(taskNames(cells)).toEqual(['b', 'a']);
    expect([freeName(cells, 'a'), freeName(cells, 'new')]).toEqual(['a-2', 'new']);
  });
});

describe('withTask and withRole', () => {
  it('put a task where the old one was, among foreign tags', () => {
    expect(withTask(['x', 'step:a', 'y', 'task:b'], 'c')).toEqual(['x', 'task:c', 'y']);
    expect(withTask(['x'], 'c')).toEqual(['x', 'task:c']);
    expect(withTask(['x', 'block:a'], null)).toEqual(['x']);
  });

  it('take every tag of a role off', () => {
    expect(withRole(['functions', 'x', 'imports'], 'imports', false)).toEqual(['x']);
    expect(withRole(['functions'], 'imports', true)).toEqual(['functions']);
    expect(withRole(['x'], 'metrics', true)).toEqual(['x', 'metrics']);
  });
});

describe('assignTask', () => {
  it('changes the chosen cells and no other', () => {
    const cells = notebook('task:a', '', '', '', 'task:b');
    const edits = assignTask(cells, ['c2', 'c3'], 'new');
    expect(edited(cells, edits)).toEqual(['task:a', 'task:new', '', 'task:a', 'task:b']);
  });

  it('writes no tag where the cell above gives the task already', () => {
    const cells = notebook('task:a', 'task:b', '');
    const edits = assignTask(cells, ['c2'], 'a');
    expect(edited(cells, edits)).toEqual(['task:a', '', 'task:b']);
  });

  it('lets the cells below go along in a notebook without tags', () => {
    const cells = notebook('', '', '');
    expect(tasksOf(cells, assignTask(cells, ['c2'], 'a'))).toEqual([null, 'a', 'a']);
  });

  it('takes cells that lie apart', () => {
    const cells = notebook('task:a', '', 'task:b', '');
    const edits = assignTask(cells, ['c1', 'c4'], 'n');
    expect(tasksOf(cells, edits)).toEqual(['n', 'a', 'b', 'n']);
  });

  it('keeps foreign tags and says nothing of cells that stay as they are', () => {
    const cells = notebook('hide-input task:a slow', '');
    expect([...assignTask(cells, ['c1', 'c2'], 'a')]).toEqual([]);
    expect(edited(cells, assignTask(cells, ['c1'], 'b'))).toEqual([
      'hide-input task:b slow',
      'task:a'
    ]);
  });
});

describe('splitTask', () => {
  it('starts a task that the rest of the block follows', () => {
    const cells = notebook('task:a', '', '#', '', 'task:b', 'task:a');
    const edits = splitTask(cells, 'c2', 'new');
    expect(edited(cells, edits)).toEqual(['task:a', 'task:new', '', '', 'task:b', 'task:a']);
  });

  it('has nothing to do at a cell that is not there', () => {
    expect(splitTask(notebook('task:a'), 'nowhere', 'new').size).toBe(0);
  });
});

describe('mergeTask', () => {
  it('puts the cells of a task into the one above, wherever they are', () => {
    const cells = notebook('task:a', 'task:b', '', 'task:c', 'step:b');
    const edits = mergeTask(cells, 'b');
    expect(tasksOf(cells, edits)).toEqual(['a', 'a', 'a', 'c', 'a']);
    expect(edited(cells, edits)).toEqual(['task:a', '', '', 'task:c', 'task:a']);
  });

  it('makes order tags name the task that is left, never their own', () => {
    const cells = notebook('task:a', 'task:b after:a', 'task:c after:b', 'task:d prev:b after:a');
    const edits = mergeTask(cells, 'b');
    expect(edited(cells, edits)).toEqual(['task:a', '', 'task:c after:a', 'task:d prev:a after:a']);
  });

  it('goes into the cells before the first task', () => {
    const cells = notebook('', 'task:a', '');
    expect(taskAbove(cells, 'a')).toBeNull();
    expect(edited(cells, mergeTask(cells, 'a'))).toEqual(['', '', '']);
  });

  it('has nothing to do for the first task', () => {
    const cells = notebook('task:a', 'task:b');
    expect(taskAbove(cells, 'a')).toBeUndefined();
    expect(mergeTask(cells, 'a').size).toBe(0);
  });
});

describe('renameTask', () => {
  it('renames the task and what comes after it, in the words the author uses', () => {
    const cells = notebook('x block:a', 'task:a', 'task:b prev:a', '# ', 'task:ab');
    const edits = renameTask(cells, 'a', 'load');
    expect(edited(cells, edits)).toEqual([
      'x block:load',
      'task:load',
      'task:b prev:load',
      '',
      'task:ab'
    ]);
  });

  it('gives a name to the cells before the first task', () => {
    const cells = notebook('', '', 'task:b');
    expect(edited(cells, renameTask(cells, null, 'load'))).toEqual(['task:load', '', 'task:b']);
  });
});

describe('removeTask and toggleRole', () => {
  it('give a cell back to the task above', () => {
    const cells = notebook('task:a', 'x task:b', '');
    expect(edited(cells, removeTask(cells, ['c2']))).toEqual(['task:a', 'x', '']);
  });

  it('give a role to all, or take it where all have it', () => {
    const cells = notebook('metrics', '', '#');
    const on = toggleRole(cells, ['c1', 'c2', 'c3'], 'metrics');
    expect(edited(cells, on)).toEqual(['metrics', 'metrics', '']);
    expect(edited(cells, toggleRole(cells, ['c1'], 'metrics'))).toEqual(['', '', '']);
  });
});
