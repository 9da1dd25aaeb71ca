import { InputDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { redoIcon, undoIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { takes, textOf } from '../commandcontext';
import type { ICommandContext } from '../commandcontext';
import { isWritable, selectedIds, taggedCells } from '../document';
import { nbprodIcon } from '../icons';
import {
  ALL_ROLES,
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
  toTaskName
} from '../tags';
import type { Edits } from '../tags';
import { CommandIDs } from '../tokens';
import type { Role } from '../types';
import { openCellMenu } from './menu';

/** What each role does, for menus. */
export function roleLabel(role: Role, trans: TranslationBundle): string {
  const labels: Record<Role, string> = {
    parameters: trans.__('Parameters: Values That Runs May Set'),
    imports: trans.__('Imports: Carried to Every Task'),
    metrics: trans.__('Metrics: Numbers To Keep'),
    serve: trans.__('Serve: Becomes the Service'),
    skip: trans.__('Skip: No Part of the Pipeline')
  };
  return labels[role];
}

/** Add the commands that change the tags of cells. */
export function addTagCommands(context: ICommandContext): void {
  const { app, model, tagging, trans } = context;
  const { commands } = app;

  const editable = (): NotebookPanel | null =>
    model.panel && isWritable(model.panel) ? model.panel : null;
  const onCode = (): boolean => editable()?.content.activeCell?.model.type === 'code';
  const apply = (panel: NotebookPanel, edits: Edits, label: string): boolean => {
    const isChanged = tagging.apply(panel, edits, label);
    panel.content.activate();
    return isChanged;
  };
  /** The task of the active cell; null before the first one, undefined outside of any. */
  const activeTask = (): string | null | undefined => {
    const id = model.panel?.content.activeCell?.model.id;
    const cells = model.panel ? placeCells(taggedCells(model.panel)) : [];
    const found = cells.find(cell => cell.id === id);
    return found?.roles.includes('skip') ? undefined : found?.task;
  };
  const named = (args: ReadonlyPartialJSONObject): string | null | undefined =>
    textOf(args, 'task') ?? activeTask();

  commands.addCommand(CommandIDs.setTags, {
    label: trans.__('Set Tags'),
    // eslint-disable-next-line jupyter/no-untranslated-string -- the name of an argument, and its type
    describedBy: takes({ edits: 'object', label: 'string' }),
    isEnabled: () => editable() !== null,
    execute: args => {
      const panel = editable();
      const edits = Object.entries((args.edits ?? {}) as Record<string, string[]>);
      return panel
        ? tagging.apply(panel, new Map(edits), textOf(args, 'label') ?? trans.__('Set tags'))
        : false;
    }
  });

  commands.addCommand(CommandIDs.tagTask, {
    label: args => textOf(args, 'task') ?? trans.__('Tag With Task…'),
    caption: trans.__('Put the selected cells into a task, or into a new one'),
    describedBy: takes({ task: 'string' }),
    isEnabled: onCode,
    isToggled: args => textOf(args, 'task') !== null && activeTask() === args.task,
    isToggleable: true,
    execute: async args => {
      const panel = editable();
      if (!panel) {
        return;
      }
      const cells = taggedCells(panel);
      const ids = selectedIds(panel);
      const names = taskNames(cells);
      const task =
        textOf(args, 'task') ??
        (await ask(trans.__('Task of the Selected Cells'), freeName(cells, 'task'), names, trans));
      if (task) {
        apply(panel, assignTask(cells, ids, task), trans.__('Tag with task %1', task));
      }
    }
  });

  commands.addCommand(CommandIDs.untag, {
    label: trans.__('Remove Task Tag'),
    caption: trans.__('The cells then belong to the task of the cell above'),
    describedBy: takes({}),
    isEnabled: () => {
      const panel = editable();
      const chosen = new Set(panel && selectedIds(panel));
      return (
        !!panel &&
        taggedCells(panel).some(cell => chosen.has(cell.id) && readMarks(cell.tags).task !== null)
      );
    },
    execute: () => {
      const panel = editable();
      if (panel) {
        const edits = removeTask(taggedCells(panel), selectedIds(panel));
        apply(panel, edits, trans.__('Remove task tag'));
      }
    }
  });

  commands.addCommand(CommandIDs.tagRole, {
    label: args => {
      const role = args.role as Role;
      if (!ALL_ROLES.includes(role)) {
        return trans.__('Toggle a Role');
      }
      const label = roleLabel(role, trans);
      return args.isPalette ? trans.__('Toggle Role %1', label) : label;
    },
    describedBy: takes({ role: 'string' }),
    isEnabled: onCode,
    isToggleable: true,
    isToggled: args => {
      const panel = model.panel;
      const chosen = new Set(panel && selectedIds(panel));
      const cells = panel ? taggedCells(panel).filter(cell => chosen.has(cell.id)) : [];
      return (
        cells.length > 0 &&
        cells.every(cell => readMarks(cell.tags).roles.includes(args.role as Role))
      );
    },
    execute: args => {
      const panel = editable();
      const role = args.role as Role;
      if (panel && ALL_ROLES.includes(role)) {
        const edits = toggleRole(taggedCells(panel), selectedIds(panel), role);
        apply(panel, edits, trans.__('Toggle %1', role));
      }
    }
  });

  commands.addCommand(CommandIDs.renameTask, {
    label: trans.__('Rename Task…'),
    caption: trans.__('Rename the task of this cell everywhere'),
    describedBy: takes({ task: 'string', name: 'string' }),
    isEnabled: args => editable() !== null && named(args) !== undefined,
    execute: async args => {
      const panel = editable();
      const task = named(args);
      if (!panel || task === undefined) {
        return;
      }
      const name =
        textOf(args, 'name') ??
        (await ask(trans.__('New Name of the Task'), task ?? '', [], trans));
      const cells = taggedCells(panel);
      if (!name || name === task) {
        return;
      }
      if (taskNames(cells).includes(name)) {
        await showErrorMessage(
          trans.__('There Is a Task %1 Already', name),
          trans.__('Choose another name, or merge the two tasks.')
        );
        return;
      }
      apply(panel, renameTask(cells, task, name), trans.__('Rename to %1', name));
    }
  });

  commands.addCommand(CommandIDs.mergeTask, {
    label: trans.__('Merge With Task Above'),
    caption: trans.__('Put the cells of this task into the task above it'),
    describedBy: takes({ task: 'string' }),
    isEnabled: args => {
      const panel = editable();
      const task = named(args);
      return !!panel && !!task && taskAbove(taggedCells(panel), task) !== undefined;
    },
    execute: args => {
      const panel = editable();
      const task = named(args);
      if (panel && task) {
        apply(panel, mergeTask(taggedCells(panel), task), trans.__('Merge %1', task));
      }
    }
  });

  commands.addCommand(CommandIDs.splitTask, {
    label: trans.__('Split Task Here…'),
    caption: trans.__('Start a new task at this cell'),
    describedBy: takes({ name: 'string' }),
    isEnabled: onCode,
    execute: async args => {
      const panel = editable();
      const cell = panel?.content.activeCell;
      if (!panel || !cell) {
        return;
      }
      const cells = taggedCells(panel);
      const like = freeName(cells, activeTask() ?? 'task');
      const name =
        textOf(args, 'name') ?? (await ask(trans.__('Name of the New Task'), like, [], trans));
      if (name) {
        const edits = splitTask(cells, cell.model.id, name);
        apply(panel, edits, trans.__('Split off %1', name));
      }
    }
  });

  commands.addCommand(CommandIDs.undoTags, {
    label: () => {
      const what = model.panel && tagging.undoable(model.panel);
      return what ? trans.__('Undo Change of Tags: %1', what) : trans.__('Undo Change of Tags');
    },
    icon: undoIcon,
    describedBy: takes({}),
    isEnabled: () => !!editable() && tagging.undoable(editable()!) !== null,
    execute: () => model.panel && tagging.undo(model.panel)
  });
  commands.addCommand(CommandIDs.redoTags, {
    label: () => {
      const what = model.panel && tagging.redoable(model.panel);
      return what ? trans.__('Redo Change of Tags: %1', what) : trans.__('Redo Change of Tags');
    },
    icon: redoIcon,
    describedBy: takes({}),
    isEnabled: () => !!editable() && tagging.redoable(editable()!) !== null,
    execute: () => model.panel && tagging.redo(model.panel)
  });
  tagging.changed.connect(() => {
    commands.notifyCommandChanged(CommandIDs.undoTags);
    commands.notifyCommandChanged(CommandIDs.redoTags);
  }, commands);

  commands.addCommand(CommandIDs.cellMenu, {
    label: trans.__('Task of This Cell…'),
    caption: trans.__('Task and roles of this cell'),
    icon: nbprodIcon,
    describedBy: takes({}),
    isEnabled: onCode,
    execute: () => {
      if (model.panel) {
        openCellMenu(commands, model.panel, trans);
      }
    }
  });
}

/** Ask for the name of a task. What cannot be one is made into one: `Train it` becomes `Train-it`. */
async function ask(
  title: string,
  text: string,
  names: string[],
  trans: TranslationBundle
): Promise<string | null> {
  const okLabel = trans.__('OK');
  const label = trans.__('Letters, digits, _ and -');
  const answer = names.length
    ? await InputDialog.getItem({
        title,
        label,
        okLabel,
        items: names,
        editable: true,
        placeholder: text
      })
    : await InputDialog.getText({ title, label, okLabel, text });
  const name = answer.button.accept ? toTaskName(answer.value ?? '') : '';
  return isTaskName(name) ? name : null;
}
