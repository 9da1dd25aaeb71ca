import { NotebookModel } from '@jupyterlab/notebook';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { beforeEach, describe, expect, it } from 'vitest';

import { addTagCommands } from '../src/cells/commands';
import type { ICommandContext } from '../src/commandcontext';
import { tagsOf } from '../src/document';
import { Tagging } from '../src/tagging';
import { CommandIDs } from '../src/tokens';

describe('commands that tag', () => {
  let commands: CommandRegistry;
  let model: NotebookModel;
  let contentsModel: { writable: boolean };
  let selected: number[];
  let front: { panel: unknown };

  beforeEach(() => {
    model = new NotebookModel();
    const tags = [['task:a'], [], ['task:b', 'after:a'], []];
    model.fromJSON({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: {},
      cells: tags.map((one, index) => ({
        id: `c${index}`,
        cell_type: index === 3 ? 'markdown' : 'code',
        source: '',
        metadata: { tags: one },
        ...(index === 3 ? {} : { outputs: [], execution_count: null })
      }))
    });
    selected = [1];
    contentsModel = { writable: true };
    const content = {
      model,
      activate: () => undefined,
      get selectedCells() {
        return selected.map(index => ({ model: model.cells.get(index) }));
      },
      get activeCell() {
        return { model: model.cells.get(selected[0]) };
      }
    };
    front = { panel: { content, context: { isReady: true, model, contentsModel } } };
    commands = new CommandRegistry();
    addTagCommands({
      app: { commands },
      model: front,
      tagging: new Tagging(),
      trans: nullTranslator.load('nbprod')
    } as unknown as ICommandContext);
  });

  const tags = (): string[] => Array.from(model.cells, cell => tagsOf(cell).join(' '));
  const enabled = (...ids: string[]): boolean[] => ids.map(id => commands.isEnabled(id));

  it('put all selected cells into a task', async () => {
    selected = [0, 1];
    await commands.execute(CommandIDs.tagTask, { task: 'b' });
    expect(tags()).toEqual(['task:b', '', 'task:b after:a', '']);
  });

  it('know the task of the active cell', () => {
    expect(commands.isToggled(CommandIDs.tagTask, { task: 'a' })).toBe(true);
    expect(commands.isToggled(CommandIDs.tagTask, { task: 'b' })).toBe(false);
  });

  it('rename everywhere, and go back', async () => {
    await commands.execute(CommandIDs.renameTask, { name: 'load' });
    expect(tags()).toEqual(['task:load', '', 'task:b after:load', '']);
    expect(commands.label(CommandIDs.undoTags)).toBe('Undo Change of Tags: Rename to load');
    await commands.execute(CommandIDs.undoTags);
    expect(tags()).toEqual(['task:a', '', 'task:b after:a', '']);
    await commands.execute(CommandIDs.redoTags);
    expect(tags()[0]).toBe('task:load');
  });

  it('toggle roles of the selected cells', async () => {
    selected = [0, 1];
    await commands.execute(CommandIDs.tagRole, { role: 'metrics' });
    expect(tags().slice(0, 2)).toEqual(['task:a metrics', 'metrics']);
    expect(commands.isToggled(CommandIDs.tagRole, { role: 'metrics' })).toBe(true);
  });

  it('split and merge', async () => {
    await commands.execute(CommandIDs.splitTask, { name: 'new' });
    expect(tags()).toEqual(['task:a', 'task:new', 'task:b after:a', '']);
    await commands.execute(CommandIDs.mergeTask, {});
    expect(tags()).toEqual(['task:a', '', 'task:b after:a', '']);
  });

  it('are there where they can do something', () => {
    const changing = [
      CommandIDs.tagTask,
      CommandIDs.tagRole,
      CommandIDs.splitTask,
      CommandIDs.setTags
    ];
    expect(enabled(...changing)).toEqual([true, true, true, true]);
    expect(enabled(CommandIDs.mergeTask, CommandIDs.untag, CommandIDs.undoTags)).toEqual([
      false, // the first task has none above it
      false, // the cell has no tag of its own
      false // nothing was done
    ]);
    selected = [2];
    expect(enabled(CommandIDs.mergeTask, CommandIDs.untag)).toEqual([true, true]);
    selected = [3];
    expect(enabled(CommandIDs.tagTask, CommandIDs.splitTask)).toEqual([false, false]);
  });

  it('are not there for a notebook that is read-only, nor without one', async () => {
    const all = [
      CommandIDs.tagTask,
      CommandIDs.renameTask,
      CommandIDs.splitTask,
      CommandIDs.setTags
    ];
    contentsModel.writable = false;
    expect(enabled(...all)).toEqual([false, false, false, false]);
    front.panel = null;
    expect(enabled(...all)).toEqual([false, false, false, false]);
  });

  it('set the tags that a fix asks for', async () => {
    await commands.execute(CommandIDs.setTags, { edits: { c1: ['serve'] }, label: 'Fix it' });
    expect(tags()[1]).toBe('serve');
  });
});
