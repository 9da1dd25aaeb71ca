import { MainAreaWidget, Notification } from '@jupyterlab/apputils';
import { IFrame, refreshIcon, runIcon, stopIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { showTab, takes, tell, textOf } from '../commandcontext';
import type { ICommandContext } from '../commandcontext';
import { isWritable, selectedIds } from '../document';
import { nbprodIcon } from '../icons';
import { whenEnded } from '../jobs';
import { CommandIDs } from '../tokens';
import type { Job, RunOptions } from '../types';
import { executedPath } from './executed';

/** Add the commands that run, stop, and show what a run left. */
export function addRunCommands(context: ICommandContext): void {
  const { app, model, trans } = context;
  const { commands } = app;
  const isIdle = (): boolean =>
    model.path !== null &&
    model.problem === null &&
    model.analysis?.tasks.length !== 0 &&
    !model.jobs.running(model.path, 'run');
  const tasks = (args: ReadonlyPartialJSONObject): string[] => {
    const task = textOf(args, 'task');
    return task ? [task] : selectedTasks(context);
  };

  commands.addCommand(CommandIDs.run, {
    label: trans.__('Run as Pipeline'),
    caption: trans.__(
      'Run this notebook headless, task by task; what is unchanged is not repeated'
    ),
    icon: nbprodIcon,
    describedBy: takes({}),
    isEnabled: isIdle,
    execute: () => startRun(context, {})
  });
  commands.addCommand(CommandIDs.runFrom, {
    label: trans.__('Run From This Task'),
    caption: trans.__('Compute this task and all after it anew'),
    icon: runIcon,
    describedBy: takes({ task: 'string' }),
    isEnabled: args => isIdle() && tasks(args).length > 0,
    execute: args => startRun(context, { start_from: tasks(args) })
  });
  commands.addCommand(CommandIDs.runOnly, {
    label: trans.__('Run Only This Task'),
    caption: trans.__('Run this task, and what it needs as far as that is out of date'),
    icon: runIcon,
    describedBy: takes({ task: 'string' }),
    isEnabled: args => isIdle() && tasks(args).length > 0,
    execute: args => startRun(context, { only: tasks(args) })
  });
  commands.addCommand(CommandIDs.force, {
    label: trans.__('Run Everything Anew'),
    caption: trans.__('Run all tasks, also those whose result is known'),
    icon: refreshIcon,
    describedBy: takes({}),
    isEnabled: isIdle,
    execute: () => startRun(context, { force: true })
  });
  commands.addCommand(CommandIDs.stop, {
    label: trans.__('Stop the Run'),
    caption: trans.__('Stop what is under way; what has ended is kept'),
    icon: stopIcon,
    describedBy: takes({ job: 'string' }),
    isEnabled: args =>
      textOf(args, 'job') !== null || !!(model.path && model.jobs.running(model.path, 'run')),
    execute: async args => {
      const running = model.path ? model.jobs.running(model.path, 'run') : null;
      const id = textOf(args, 'job') ?? running?.job.id;
      if (id) {
        await model.jobs.stop(id).catch(error => tell(trans, trans.__('Not stopped'), error));
      }
    }
  });
  commands.addCommand(CommandIDs.runFile, {
    label: trans.__('Run as Pipeline'),
    icon: nbprodIcon,
    describedBy: takes({ path: 'string' }),
    isEnabled: () => true,
    execute: async args => {
      const items = context.browsers?.tracker.currentWidget?.selectedItems();
      const chosen = [...(items ?? [])].filter(item => item.type === 'notebook');
      const paths = textOf(args, 'path') ? [textOf(args, 'path')!] : chosen.map(one => one.path);
      for (const path of paths) {
        await startRun(context, {}, path);
      }
    }
  });
  // What is under way changes what can be done.
  model.changed.connect(() => {
    const changing = [
      CommandIDs.run,
      CommandIDs.runFrom,
      CommandIDs.runOnly,
      CommandIDs.force,
      CommandIDs.stop
    ];
    changing.forEach(id => commands.notifyCommandChanged(id));
  }, commands);
  addResultCommands(context);
}

function addResultCommands(context: ICommandContext): void {
  const { app, model, trans } = context;
  const { commands } = app;
  const where = takes({ path: 'string', run: 'string', task: 'string' });
  const named = (args: ReadonlyPartialJSONObject): { path: string; run: string } | null => {
    const path = textOf(args, 'path') ?? model.path;
    const run = textOf(args, 'run') ?? model.lastRun?.run.id;
    return path && run ? { path, run } : null;
  };

  commands.addCommand(CommandIDs.openExecuted, {
    label: trans.__('Open the Executed Notebook'),
    caption: trans.__('The notebook as this run executed it, to read'),
    describedBy: where,
    isEnabled: args => context.documents !== null && named(args) !== null,
    execute: args => {
      const of = named(args);
      const widget =
        of &&
        context.documents?.openOrReveal(
          executedPath({ ...of, task: textOf(args, 'task') }),
          'Notebook'
        );
      if (widget) {
        const { sessionContext } = widget.context;
        sessionContext.kernelPreference = {
          ...sessionContext.kernelPreference,
          shouldStart: false,
          canStart: false,
          autoStartDefault: false
        };
      }
    }
  });
  commands.addCommand(CommandIDs.openReport, {
    label: trans.__('Open the Report'),
    caption: trans.__('The run as a page: parameters, metrics, outputs'),
    describedBy: where,
    isEnabled: args => named(args) !== null,
    execute: async args => {
      const of = named(args);
      if (of) {
        await work(context, trans.__('The report of run %1', of.run), () =>
          model.api.makeReport(of.path, of.run)
        ).then(job => job && showReport(context, of.path, of.run));
      }
    }
  });
  commands.addCommand(CommandIDs.explore, {
    label: trans.__('Explore'),
    caption: trans.__('A notebook with a kernel in which the inputs of this task are loaded'),
    describedBy: where,
    isEnabled: args => named(args) !== null,
    execute: async args => {
      const of = named(args);
      const task = textOf(args, 'task');
      const job =
        of &&
        task &&
        (await work(context, trans.__('A notebook to explore %1', task), () =>
          model.api.explore({ ...of, task })
        ));
      const result = job ? (job.result as { path?: unknown } | null) : null;
      if (typeof result?.path === 'string') {
        await commands.execute('docmanager:open', { path: result.path, factory: 'Notebook' });
      }
    }
  });
}

/** Start a job and wait for its end, with a notification; null if it fails. */
async function work(
  { model, trans }: ICommandContext,
  title: string,
  start: () => Promise<Job>
): Promise<Job | null> {
  const id = Notification.emit(trans.__('%1 is being made', title), 'in-progress', {
    autoClose: false
  });
  try {
    const job = await start();
    model.jobs.add(job);
    const ended = await whenEnded(model.jobs, job);
    Notification.dismiss(id);
    if (ended.status === 'done') {
      return ended;
    }
    throw ended.error ?? new Error(trans.__('It was stopped.'));
  } catch (error) {
    Notification.dismiss(id);
    tell(trans, trans.__('%1 could not be made', title), error);
    return null;
  }
}

function showReport({ app, model, trans }: ICommandContext, path: string, run: string): void {
  const id = `nbprod-report-${run}`;
  const open = [...app.shell.widgets('main')].find(widget => widget.id === id);
  if (open) {
    app.shell.activateById(id);
    return;
  }
  const content = new IFrame({ sandbox: ['allow-scripts'] });
  content.url = model.api.reportUrl(path, run);
  const widget = new MainAreaWidget({ content });
  widget.id = id;
  widget.title.label = trans.__('Report %1', run);
  widget.title.icon = nbprodIcon;
  widget.title.closable = true;
  app.shell.add(widget, 'main');
  app.shell.activateById(id);
}

function selectedTasks({ model }: ICommandContext): string[] {
  const chosen = new Set(model.panel && selectedIds(model.panel));
  const cells = model.analysis?.cells.filter(cell => chosen.has(cell.id)) ?? [];
  const names = cells.map(cell => cell.task).filter((name): name is string => name !== null);
  return [...new Set(names)];
}

/** Save if need be, start a run, and show it. */
async function startRun(
  context: ICommandContext,
  what: Pick<RunOptions, 'only' | 'start_from' | 'force'>,
  file?: string
): Promise<void> {
  const { model, settings, trans } = context;
  const path = file ?? model.path;
  if (!path) {
    return;
  }
  const panel = path === model.path ? model.panel : null;
  const open = panel ?? context.documents?.findWidget(path, 'Notebook') ?? null;
  const { saveBeforeRunning, parallel } = settings.choices;
  try {
    if (open?.context.model.dirty && saveBeforeRunning && isWritable(open)) {
      await open.context.save();
      if (open.context.model.dirty) {
        return; // it was not saved: JupyterLab has said why
      }
    }
    const parameters = panel ? (model.parameters as RunOptions['parameters']) : {};
    const job = await model.api.startRun({
      path,
      parameters,
      only: what.only ?? [],
      start_from: what.start_from ?? [],
      force: what.force ?? false,
      workers: parallel > 0 ? parallel : null
    });
    model.follow(job);
    if (open?.context.model.dirty) {
      Notification.info(
        trans.__('The run takes %1 as it was last saved, without your changes since.', path),
        { autoClose: 10000 }
      );
    }
  } catch (error) {
    tell(trans, trans.__('The run could not be started'), error);
    return;
  }
  if (panel) {
    showTab(context, 'run');
  }
}
