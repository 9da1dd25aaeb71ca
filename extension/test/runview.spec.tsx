import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { RunView } from '../src/run/view';
import { taskStates } from '../src/states';
import { progressOf } from '../src/run/progress';
import { CommandIDs } from '../src/tokens';
import type { INbprodModel, IProgress } from '../src/tokens';
import type { Job, JobEvent, RunDetail } from '../src/types';

const trans = nullTranslator.load('nbprod');

afterEach(cleanup);

interface IShown {
  readonly executed: [string, unknown][];
  readonly load: ReturnType<typeof vi.fn>;
}

function job(status: Job['status'], ...data: Record<string, unknown>[]): IProgress {
  const events = data.map((one, number) => ({ number, data: one }) as unknown as JobEvent);
  const one = {
    id: 'j',
    run: null,
    created: 10,
    finished: null,
    path: 'n.ipynb',
    status,
    error: null
  };
  return { job: one as unknown as Job, events };
}

function shown(
  progress: IProgress | null,
  lastRun: RunDetail | null = null,
  parameters: Record<string, unknown> = {}
): IShown {
  const executed: [string, unknown][] = [];
  const commands = new CommandRegistry();
  for (const id of Object.values(CommandIDs)) {
    commands.addCommand(id, {
      label: id,
      isEnabled: () => true,
      execute: args => void executed.push([id, { ...args }])
    });
  }
  const analysis = { tagged: true, tasks: [{ name: 'a' }, { name: 'b' }] } as never;
  const load = vi.fn();
  const model = {
    path: 'n.ipynb',
    problem: null,
    parameters,
    clearParameters: () => void executed.push(['reset', {}]),
    analysis,
    lastRun,
    jobs: { list: () => (progress ? [progress] : []), load },
    states: taskStates({
      analysis,
      progress: progress && !lastRun ? progressOf(progress) : null,
      lastRun,
      plan: null,
      planned: new Map()
    })
  } as unknown as INbprodModel;
  render(<RunView model={model} commands={commands} trans={trans} />);
  return { executed, load };
}

function record(status: string, error: unknown = null): RunDetail {
  return {
    run: { id: 'r1', status, created: 5, seconds: 4, metrics: { f1: 0.91234567 }, job: 'old' },
    tasks: [
      {
        task: 'a',
        status: 'cached',
        reason: 'cached from run r0',
        seconds: null,
        cached_from: 'r0',
        error: null,
        has_notebook: false
      },
      {
        task: 'b',
        status,
        reason: 'code changed',
        seconds: 3,
        cached_from: null,
        error,
        has_notebook: true
      }
    ]
  } as unknown as RunDetail;
}

describe('RunView', () => {
  it('teaches what a run is before the first one', () => {
    shown(null);
    expect(screen.getByText('This notebook has not run as a pipeline yet')).toBeTruthy();
    expect(screen.getByRole('button', { name: CommandIDs.run })).toBeTruthy();
  });

  it('shows a run under way: its tasks, the cell, and a way to stop it', () => {
    const { executed } = shown(
      job(
        'running',
        { event: 'run-started', run: 'r', tasks: ['a', 'b'] },
        { event: 'task-started', task: 'a', reason: '' },
        { event: 'task-cell', task: 'a', cell: 4, index: 2, total: 3 }
      )
    );
    const [a, b] = within(screen.getByRole('list', { name: 'Tasks' })).getAllByRole('listitem');
    expect(a.textContent).toContain('running');
    expect(b.textContent).toContain('queued');
    const bar = screen.getByRole('progressbar', { name: 'Cells of a' }) as HTMLProgressElement;
    expect([bar.value, bar.max]).toEqual([1, 3]);
    fireEvent.click(screen.getByRole('button', { name: 'cell 4' }));
    fireEvent.click(screen.getByRole('button', { name: CommandIDs.stop }));
    expect(executed).toEqual([
      [CommandIDs.goToCell, { number: 4 }],
      [CommandIDs.stop, {}]
    ]);
  });

  it('shows what tasks print as text, never as HTML', () => {
    shown(
      job(
        'running',
        { event: 'run-started', tasks: ['a'] },
        {
          event: 'task-log',
          task: 'a',
          stream: 'stdout',
          text: '<img src=x onerror=alert(1)>\u001b[31m!\u001b[0m'
        }
      )
    );
    const log = screen.getByRole('log');
    expect(log.querySelector('img')).toBeNull();
    expect(log.textContent).toBe('<img src=x onerror=alert(1)>!');
  });

  it('leads from a failed task to its cell and line, and to what it left', () => {
    const problem = { what: 'ValueError: no', message: 'm', fix: null, cell: 7, line: 3 };
    const { executed } = shown(null, record('failed', problem));
    const alert = screen.getByRole('alert');
    expect(alert.textContent).toContain('b, cell 7, line 3');
    expect(alert.textContent).toContain('ValueError: no');
    for (const id of [CommandIDs.goToCell, CommandIDs.openExecuted, CommandIDs.explore]) {
      fireEvent.click(within(alert).getByRole('button', { name: id }));
    }
    expect(executed).toEqual([
      [CommandIDs.goToCell, { number: 7, line: 3, failed: true }],
      [CommandIDs.openExecuted, { run: 'r1', task: 'b' }],
      [CommandIDs.explore, { run: 'r1', task: 'b' }]
    ]);
  });

  it('shows the last run while nothing runs, with its log if that is known', () => {
    const { load } = shown(null, record('done'));
    expect(screen.getByText('0.9123')).toBeTruthy();
    expect(screen.getByRole('button', { name: CommandIDs.openReport })).toBeTruthy();
    expect(load).toHaveBeenCalledWith('old');
  });

  it('runs from a task, or that task only', () => {
    const { executed } = shown(null, record('done'));
    fireEvent.click(screen.getByRole('button', { name: 'Run from b' }));
    fireEvent.click(screen.getByRole('button', { name: 'Run only b' }));
    expect(executed).toEqual([
      [CommandIDs.runFrom, { task: 'b' }],
      [CommandIDs.runOnly, { task: 'b' }]
    ]);
  });

  it('says why a run did not even begin', () => {
    const failed = job('failed');
    const error = {
      what: 'pipelines.yaml is wrong',
      message: '',
      fix: 'Mend it.',
      file: 'pipelines.yaml',
      line: 3
    };
    (failed.job as { error: unknown }).error = error;
    shown(failed);
    expect(screen.getByRole('alert').textContent).toContain('pipelines.yaml is wrong');
  });

  it('says that the next run takes other values than the notebook has', () => {
    const { executed } = shown(null, record('done'), { n: 4, name: 'x' });
    expect(screen.getByText(/The next run takes n = 4, name = x/)).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Reset' }));
    expect(executed).toEqual([['reset', {}]]);
  });
});
