import { refreshIcon } from '@jupyterlab/ui-components';

import { addTagCommands } from './cells/commands';
import { goToCell } from './cells/goto';
import { showTab, takes, tell, textOf } from './commandcontext';
import type { ICommandContext } from './commandcontext';
import { nbprodIcon } from './icons';
import { addRunCommands } from './run/commands';
import { ALL_ROLES } from './tags';
import { CommandIDs, PANEL_ID } from './tokens';
import type { TabId } from './tokens';

const TABS = ['pipeline', 'run', 'runs', 'sweep', 'models'];

/** Add every command, and those that a person may search for to the palette. */
export function addCommands(context: ICommandContext): void {
  addPanelCommands(context);
  addTagCommands(context);
  addRunCommands(context);
  const { palette, trans } = context;
  const category = trans.__('nbprod');
  const args = { isPalette: true };
  for (const command of IN_PALETTE) {
    palette?.addItem({ command, category, args });
  }
  for (const role of ALL_ROLES) {
    palette?.addItem({ command: CommandIDs.tagRole, category, args: { ...args, role } });
  }
  for (const tab of TABS) {
    palette?.addItem({ command: CommandIDs.showTab, category, args: { ...args, tab } });
  }
}

const IN_PALETTE = [
  CommandIDs.open,
  CommandIDs.refresh,
  CommandIDs.run,
  CommandIDs.runFrom,
  CommandIDs.runOnly,
  CommandIDs.force,
  CommandIDs.stop,
  CommandIDs.suggest,
  CommandIDs.cellMenu,
  CommandIDs.tagTask,
  CommandIDs.untag,
  CommandIDs.renameTask,
  CommandIDs.mergeTask,
  CommandIDs.splitTask,
  CommandIDs.undoTags,
  CommandIDs.redoTags
];

function addPanelCommands(context: ICommandContext): void {
  const { app, model, trans } = context;
  const { commands } = app;
  const labels: Record<string, string> = {
    pipeline: trans.__('Show Pipeline'),
    run: trans.__('Show Run'),
    runs: trans.__('Show Runs'),
    sweep: trans.__('Show Sweep'),
    models: trans.__('Show Models')
  };
  commands.addCommand(CommandIDs.open, {
    label: trans.__('Show nbprod'),
    caption: trans.__('Show the panel with pipeline, runs, sweeps and models'),
    icon: nbprodIcon,
    describedBy: takes({ tab: 'string' }),
    execute: args => {
      const tab = textOf(args, 'tab');
      if (tab) {
        showTab(context, tab as TabId);
      } else {
        app.shell.activateById(PANEL_ID);
      }
    }
  });
  commands.addCommand(CommandIDs.showTab, {
    label: args => labels[textOf(args, 'tab') ?? ''] ?? trans.__('Show a Tab of nbprod'),
    describedBy: takes({ tab: 'string' }),
    execute: args => showTab(context, (textOf(args, 'tab') ?? 'pipeline') as TabId)
  });
  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Look Again'),
    caption: trans.__('Ask the server again for the pipeline, the runs and what is under way'),
    icon: refreshIcon,
    describedBy: takes({}),
    isEnabled: () => model.panel !== null,
    execute: () => model.refresh()
  });
  commands.addCommand(CommandIDs.goToCell, {
    label: trans.__('Go to the Cell'),
    describedBy: takes({ cell: 'string', number: 'number', line: 'number', failed: 'boolean' }),
    isEnabled: () => model.panel !== null,
    execute: async args => {
      const number = typeof args.number === 'number' ? model.cellId(args.number) : null;
      const id = textOf(args, 'cell') ?? number;
      if (model.panel && id) {
        app.shell.activateById(model.panel.id);
        const line = typeof args.line === 'number' ? args.line : null;
        await goToCell(model.panel, id, line, args.failed === true);
      }
    }
  });
  commands.addCommand(CommandIDs.goToTask, {
    label: trans.__('Go to the Task'),
    describedBy: takes({ task: 'string' }),
    isEnabled: () => model.panel !== null,
    execute: args => {
      const task = model.analysis?.tasks.find(one => one.name === args.task);
      return commands.execute(CommandIDs.goToCell, { cell: task?.cells[0] ?? '' });
    }
  });
  commands.addCommand(CommandIDs.suggest, {
    label: trans.__('Suggest Tasks'),
    caption: trans.__(
      'Propose tasks from the headings and the data flow; nothing changes until accepted'
    ),
    describedBy: takes({}),
    isEnabled: () => model.panel !== null && model.problem === null,
    execute: async () => {
      showTab(context, 'pipeline');
      try {
        await model.suggest();
      } catch (error) {
        tell(trans, trans.__('No tasks could be suggested'), error);
      }
    }
  });
}
