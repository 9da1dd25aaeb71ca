import { MenuSvg } from '@jupyterlab/ui-components';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';

import { taggedCells } from '../document';
import { ALL_ROLES, taskNames } from '../tags';
import { CommandIDs } from '../tokens';

const MOST_TASKS = 25;

/** Open the menu of the active cell: its task, its roles, and what can be done with its task. */
export function openCellMenu(
  commands: CommandRegistry,
  panel: NotebookPanel,
  trans: TranslationBundle
): void {
  const cell = panel.content.activeCell;
  if (!cell) {
    return;
  }
  const menu = new MenuSvg({ commands });
  menu.title.label = trans.__('Task of this cell');
  menu.addClass('nbprod-CellMenu');
  for (const task of taskNames(taggedCells(panel)).slice(0, MOST_TASKS)) {
    menu.addItem({ command: CommandIDs.tagTask, args: { task } });
  }
  menu.addItem({ command: CommandIDs.tagTask });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.splitTask });
  menu.addItem({ command: CommandIDs.renameTask });
  menu.addItem({ command: CommandIDs.mergeTask });
  menu.addItem({ command: CommandIDs.untag });
  menu.addItem({ type: 'separator' });
  for (const role of ALL_ROLES) {
    menu.addItem({ command: CommandIDs.tagRole, args: { role } });
  }
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.runFrom });
  menu.addItem({ command: CommandIDs.runOnly });
  menu.addItem({ command: CommandIDs.undoTags });
  // A menu that runs a command closes first: what it was opened from must outlive the command.
  menu.aboutToClose.connect(() => {
    setTimeout(() => menu.dispose(), 0);
  }, menu);
  const anchor = cell.node.querySelector('.nbprod-Chip') ?? cell.node;
  const { left, bottom, top } = anchor.getBoundingClientRect();
  menu.open(Math.max(left, 0), anchor === cell.node ? Math.max(top, 0) + 24 : bottom + 2);
  menu.activate();
}
