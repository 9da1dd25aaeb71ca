import { Dialog } from '@jupyterlab/apputils';
import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';

import { show } from '../src/components/handover';
import { RunsView } from '../src/runs/view';
import { CommandIDs } from '../src/tokens';
import type { Run } from '../src/types';
import { bench, draw, PATH, Refusal, run } from './panelmodel';
import type { Answer, IAsked, IBench } from './panelmodel';

afterEach(() => {
  cleanup();
  Dialog.flush();
});

function page(runs: readonly Run[]): (asked: IAsked) => unknown {
  return ({ query }) => {
    const offset = Number(query.get('offset'));
    return { total: runs.length, runs: runs.slice(offset, offset + Number(query.get('limit'))) };
  };
}

function open(answers: Record<string, Answer>): IBench {
  return draw(RunsView, bench(answers));
}

const THREE = [
  run('a', { status: 'failed', metrics: {} }),
  run('b', { metrics: { accuracy: 0.91234 } }),
  run('c', { sweep: 's1', trial: 4 })
];

describe('the Runs tab', () => {
  it('teaches what a run is where there is none, and starts one', async () => {
    const { executed } = open({ 'GET runs': { total: 0, runs: [] } });

    fireEvent.click(await screen.findByRole('button', { name: 'Run the pipeline' }));

    expect(executed).toEqual([[CommandIDs.run, {}]]);
  });

  it('lists runs with state, metrics and parameters', async () => {
    open({ 'GET runs': page(THREE) });

    const table = await screen.findByRole('table', { name: 'Runs' });
    const rows = within(table).getAllByRole('row').slice(1);

    expect(rows.map(row => row.textContent)).toEqual([
      expect.stringContaining('failed'),
      expect.stringContaining('0.9123'),
      expect.stringContaining('trial 4')
    ]);
    expect(table.getAttribute('aria-rowcount')).toBe('4');
  });

  it('draws only what is in view of ten thousand runs, and asks for the rest as one goes there', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => run(`r${index}`));
    const { asked } = open({ 'GET runs': page(many) });

    const table = await screen.findByRole('table', { name: 'Runs' });
    const first = within(table).getAllByRole('button', { name: /done/ })[0];

    expect(within(table).getAllByRole('row').length).toBeLessThan(40);
    expect(asked.map(one => one.query.get('offset'))).toEqual(['0']);
    first.focus();
    fireEvent.keyDown(first, { key: 'ArrowDown' });
    await waitFor(() => expect(document.activeElement?.getAttribute('data-index')).toBe('1'));
  });

  it('has the server sort by a column', async () => {
    const { asked } = open({ 'GET runs': page(THREE) });

    fireEvent.click(await screen.findByRole('button', { name: 'accuracy' }));
    await screen.findByRole('columnheader', { name: 'accuracy' });

    await waitFor(() => expect(asked[asked.length - 1].query.get('sort')).toBe('metric:accuracy'));
    expect(asked[asked.length - 1].query.get('order')).toBe('desc');
    await waitFor(() =>
      expect(screen.getByRole('columnheader', { name: 'accuracy' }).getAttribute('aria-sort')).toBe(
        'descending'
      )
    );
  });

  it('filters by state and by comparisons', async () => {
    const { asked } = open({ 'GET runs': page(THREE) });
    await screen.findByRole('table', { name: 'Runs' });

    fireEvent.change(screen.getByLabelText('State'), { target: { value: 'failed' } });
    const where = screen.getByLabelText('Only runs in which');
    fireEvent.change(where, { target: { value: 'accuracy > 0.9' } });
    fireEvent.submit(where);

    await waitFor(() => expect(asked[asked.length - 1].query.get('where')).toBe('accuracy > 0.9'));
    expect(asked[asked.length - 1].query.get('status')).toBe('failed');
  });

  it('never says that there are no runs while pipelines.yaml cannot be read', async () => {
    const config_problem = {
      message: '',
      what: 'there is no key trails',
      fix: null,
      file: 'pipelines.yaml',
      task: null,
      cell: null,
      line: 7
    };
    draw(RunsView, bench({ 'GET runs': { total: 0, runs: [] } }, { config_problem }));

    const alert = await screen.findByRole('alert');

    expect(alert.textContent).toBe('pipelines.yaml, line 7there is no key trails');
    expect(screen.queryByText('No runs yet')).toBeNull();
  });

  it('shows what the server says is wrong, and asks again', async () => {
    const { answers } = open({
      'GET runs': new Refusal(400, 'pipelines.yaml: line 3: no such key')
    });

    const alert = await screen.findByRole('alert');
    expect(alert.textContent).toContain('line 3');
    answers['GET runs'] = page(THREE);
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));

    expect(await screen.findByRole('table', { name: 'Runs' })).toBeTruthy();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('compares two runs, code included, as text', async () => {
    open({
      'GET runs': page(THREE),
      'GET runs/compare': {
        runs: THREE.slice(0, 2),
        parameters: { depth: [3, 4], seed: [0, 0] },
        metrics: {},
        tasks: { train: ['done', 'done'] },
        code: [{ task: 'train', run: 'b', diff: '@@ -1 +1 @@\n-x\n+<img src=x onerror=alert(1)>' }]
      }
    });

    const boxes = await screen.findAllByRole('checkbox');
    fireEvent.click(boxes[0]);
    expect((screen.getByRole('button', { name: 'Compare' }) as HTMLButtonElement).disabled).toBe(
      true
    );
    fireEvent.click(boxes[1]);
    fireEvent.click(screen.getByRole('button', { name: 'Compare' }));
    const parameters = await screen.findByRole('table', { name: 'Parameters' });

    expect(within(parameters).getByRole('row', { name: /depth/ }).textContent).toContain('≠');
    expect(within(parameters).getByRole('row', { name: /seed/ }).textContent).not.toContain('≠');
    expect(screen.getByLabelText('Difference of train').textContent).toContain('+<img src=x');
    expect(document.querySelector('img')).toBeNull();
    fireEvent.click(screen.getByRole('checkbox', { name: 'Only what differs' }));
    expect(within(parameters).queryByRole('row', { name: /seed/ })).toBeNull();
  });

  it('deletes only after it was confirmed', async () => {
    const { asked } = open({ 'GET runs': page(THREE), 'DELETE runs/a': null });
    const deletions = (): IAsked[] => asked.filter(one => one.method === 'DELETE');

    fireEvent.click((await screen.findAllByRole('checkbox'))[0]);
    fireEvent.click(screen.getByRole('button', { name: 'Delete…' }));
    const dialog = await screen.findByRole('dialog', { hidden: true });
    expect(dialog.textContent).toContain('Delete the run?');
    expect(deletions()).toEqual([]);
    fireEvent.click(within(dialog).getByRole('button', { name: 'Delete', hidden: true }));

    await waitFor(() => expect(deletions().map(one => one.route)).toEqual(['runs/a']));
  });
});

describe('the details of a run', () => {
  const detail = {
    run: run('a', {
      status: 'failed',
      error: {
        message: 'boom',
        what: "KeyError: 'x'",
        fix: null,
        file: null,
        task: 'train',
        cell: 5,
        line: 3
      }
    }),
    tasks: [
      {
        task: 'load',
        status: 'cached',
        reason: 'cached from run z',
        seconds: 0.1,
        started: null,
        cached_from: 'z',
        error: null,
        has_notebook: true
      }
    ],
    artifacts: [{ name: 'df', task: 'load', type: 'DataFrame', bytes: 2048, summary: '178 rows' }],
    files: { read: ['data.csv'], written: [] }
  };

  it('say why it failed and lead to the cell', async () => {
    const { executed } = open({ 'GET runs': page(THREE), 'GET runs/a': detail });

    fireEvent.click(await screen.findByRole('button', { name: /failed/ }));
    fireEvent.click(await screen.findByRole('button', { name: 'Go to the cell' }));

    expect(screen.getByRole('alert').textContent).toContain(
      "task train, cell 5, line 3KeyError: 'x'"
    );
    expect(executed).toEqual([[CommandIDs.goToCell, { cell: 5, line: 3 }]]);
    expect(screen.getByText('cached from run z')).toBeTruthy();
    expect(screen.getByText('178 rows')).toBeTruthy();
    expect(screen.getByText('data.csv')).toBeTruthy();
  });

  it('open the executed notebook, a task of it, a notebook to explore it, the report', async () => {
    const { executed } = open({ 'GET runs': page(THREE), 'GET runs/a': detail });

    fireEvent.click(await screen.findByRole('button', { name: /failed/ }));
    for (const name of [
      'Executed notebook',
      'Open the executed cells of load',
      'Explore load',
      'Report'
    ]) {
      fireEvent.click(await screen.findByRole('button', { name }));
    }

    expect(executed).toEqual([
      [CommandIDs.openExecuted, { run: 'a' }],
      [CommandIDs.openExecuted, { run: 'a', task: 'load' }],
      [CommandIDs.explore, { run: 'a', task: 'load' }],
      [CommandIDs.openReport, { run: 'a' }]
    ]);
  });

  it('give the next run the same parameters', async () => {
    const { model } = open({ 'GET runs': page(THREE), 'GET runs/b': { ...detail, run: THREE[1] } });

    fireEvent.click((await screen.findAllByRole('button', { name: /done/ }))[0]);
    fireEvent.click(await screen.findByRole('button', { name: 'Use these parameters' }));

    expect(model.parameters).toEqual({ depth: 3 });
    expect(screen.getByText(/The next run takes these parameters/)).toBeTruthy();
  });

  it('can be promoted only of a run that is done', async () => {
    open({ 'GET runs': page(THREE), 'GET runs/a': detail });

    fireEvent.click(await screen.findByRole('button', { name: /failed/ }));
    const button = await screen.findByRole('button', { name: 'Promote…' });

    expect((button as HTMLButtonElement).disabled).toBe(true);
  });

  it('are shown when another tab asks for them, and lead back to the row they came from', async () => {
    const { model, commands, executed } = open({
      'GET runs': page(THREE),
      'GET runs/c': { ...detail, run: THREE[2] }
    });
    await screen.findByRole('table', { name: 'Runs' });

    show(model, commands, { tab: 'runs', run: 'c' });

    expect(await screen.findByRole('button', { name: 'trial 4 of a sweep' })).toBeTruthy();
    expect(executed).toEqual([[CommandIDs.open, { tab: 'runs' }]]);
    fireEvent.click(screen.getByRole('button', { name: 'All runs' }));
    expect(await screen.findByRole('table', { name: 'Runs' })).toBeTruthy();
    expect(model.path).toBe(PATH);
  });
});
