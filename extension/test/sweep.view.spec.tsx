import { act, cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';

import { SweepView } from '../src/sweep/view';
import { CommandIDs } from '../src/tokens';
import type { Analysis } from '../src/types';
import { bench, draw, job, parameter, Refusal, sweep, trial } from './panelmodel';
import type { Answer, IBench } from './panelmodel';

afterEach(cleanup);

const ANALYSIS: Partial<Analysis> = {
  parameters: [parameter('depth', 'int', 4), parameter('lr', 'float', 0.1)],
  metrics: ['loss', 'f1']
};

function open(answers: Record<string, Answer>, analysis = ANALYSIS): IBench {
  return draw(SweepView, bench(answers, analysis));
}

const INFO = {
  id: 's1',
  pipeline: 'n',
  status: 'done',
  created: 1_700_000_000,
  trials: 3,
  size: 4,
  best: 0.25,
  metric: 'loss'
};

describe('the form of a sweep', () => {
  it('teaches tagging where there are no parameters, or no metric', async () => {
    const first = open({ 'GET sweeps': [] }, { parameters: [], metrics: ['loss'] });
    fireEvent.click(await screen.findByRole('button', { name: 'Show the pipeline' }));
    expect(screen.getByRole('heading', { name: 'Nothing to search yet' })).toBeTruthy();
    expect(first.executed).toEqual([[CommandIDs.open, { tab: 'pipeline' }]]);
    cleanup();

    open({ 'GET sweeps': [] }, { ...ANALYSIS, metrics: [] });
    expect(await screen.findByRole('heading', { name: 'No metric to make better' })).toBeTruthy();
  });

  it('says that nothing is searched yet, and starts nothing then', async () => {
    const { asked } = open({ 'GET sweeps': [] });

    fireEvent.click(await screen.findByRole('button', { name: 'Start the sweep' }));

    expect(screen.getByText(/Give at least one parameter choices or a range/)).toBeTruthy();
    expect(asked.filter(one => one.method === 'POST')).toEqual([]);
  });

  it('tells how many trials a grid makes, and what is wrong beside the field', async () => {
    open({ 'GET sweeps': [] });

    fireEvent.change(await screen.findByLabelText('How depth is given'), {
      target: { value: 'choices' }
    });
    fireEvent.change(screen.getByLabelText('depth values'), { target: { value: '1, 2, 3' } });
    expect(screen.getByText('A grid: 3 trials')).toBeTruthy();
    fireEvent.change(screen.getByLabelText('How lr is given'), { target: { value: 'range' } });
    fireEvent.change(screen.getByLabelText('lr from'), { target: { value: '0.5' } });
    fireEvent.change(screen.getByLabelText('lr to'), { target: { value: '0.1' } });

    const high = screen.getByLabelText('lr to');
    expect(high.getAttribute('aria-invalid')).toBe('true');
    const message = document.getElementById(high.getAttribute('aria-describedby') ?? '');
    expect(message?.textContent).toContain('It has to be above 0.5');
    fireEvent.change(high, { target: { value: '1' } });
    expect(screen.getByText('TPE, which learns from each trial: 20 trials')).toBeTruthy();
  });

  it('offers a range only for numbers', async () => {
    open({ 'GET sweeps': [] }, { ...ANALYSIS, parameters: [parameter('kind', 'str', 'tree')] });

    const how = await screen.findByLabelText('How kind is given');

    expect(
      within(how)
        .getAllByRole('option')
        .map(one => one.textContent)
    ).toEqual(['one value', 'choices']);
  });

  it('sends what was chosen, and shows the sweep once it has a name', async () => {
    const running = sweep({ status: 'running', finished: null });
    const { asked, say } = open({
      'GET sweeps': [],
      'POST sweeps': job('j1'),
      'GET jobs/j1': { job: job('j1'), events: [] },
      'GET sweeps/s1': running
    });

    fireEvent.change(await screen.findByLabelText('How depth is given'), {
      target: { value: 'choices' }
    });
    fireEvent.change(screen.getByLabelText('depth values'), { target: { value: '1, 2' } });
    fireEvent.change(screen.getByLabelText('metric'), { target: { value: 'f1' } });
    fireEvent.click(screen.getByRole('button', { name: 'Start the sweep' }));
    await screen.findByText('The sweep is starting…');
    await act(async () => {
      await new Promise(resolve => setTimeout(resolve, 50));
      say('j1', 0, { event: 'sweep-started', sweep: 's1' });
    });

    expect(asked.find(one => one.method === 'POST')?.body).toEqual({
      path: 'n.ipynb',
      space: { depth: [1, 2] },
      fixed: {},
      search: null,
      trials: null,
      parallel: 1,
      metric: 'f1',
      direction: 'maximize'
    });
    expect(await screen.findByRole('heading', { name: /^Sweep of/ })).toBeTruthy();
    expect(asked.filter(one => one.method === 'POST')).toHaveLength(1);
  });

  it('shows why the server refuses', async () => {
    open({ 'GET sweeps': [], 'POST sweeps': new Refusal(400, 'there is no metric f2') });

    fireEvent.change(await screen.findByLabelText('How depth is given'), {
      target: { value: 'choices' }
    });
    fireEvent.click(screen.getByRole('button', { name: 'Start the sweep' }));

    expect((await screen.findByRole('alert')).textContent).toContain('there is no metric f2');
  });
});

describe('a sweep', () => {
  const trials = [
    trial(1, { metrics: { loss: 0.5 }, tasks: { cached: 1, done: 1 } }),
    trial(2, { metrics: { loss: 0.25 }, tasks: { cached: 2 } }),
    trial(3, { status: 'failed', metrics: {}, error: 'ValueError: bad', tasks: {} })
  ];
  const done = sweep({ trials, best: 2, importance: { depth: 1 } });
  const answers = { 'GET sweeps': [INFO], 'GET sweeps/s1': done };

  it('is opened from the list, and shows its best trial', async () => {
    open(answers);

    fireEvent.click(await screen.findByRole('button', { name: /3 of 4 trials · best loss 0.25/ }));

    const best = await screen.findByRole('region', { name: 'Trial 2' });
    expect(within(best).getByRole('heading').textContent).toBe('Best: trial 2');
    expect(screen.getByText(/3 of 4 tasks did not have to run/)).toBeTruthy();
  });

  it('has its charts as tables where nothing draws them', async () => {
    open(answers);
    fireEvent.click(await screen.findByRole('button', { name: /best loss/ }));

    const cells = (await screen.findAllByText('best so far'))[0].closest('table');

    expect(
      within(cells as HTMLElement)
        .getAllByRole('row')
        .map(row => row.textContent)
    ).toEqual(['triallossbest so far', '10.50.5', '20.250.25']);
    expect(screen.getByText('100 %')).toBeTruthy();
  });

  it('shows the trial that is chosen, uses its parameters and promotes it', async () => {
    const { model, executed } = open(answers, ANALYSIS);
    fireEvent.click(await screen.findByRole('button', { name: /best loss/ }));

    const table = await screen.findByRole('table', { name: 'Trials' });
    fireEvent.click(within(table).getByRole('button', { name: /^1/ }));
    const card = screen.getByRole('region', { name: 'Trial 1' });
    fireEvent.click(within(card).getByRole('button', { name: 'Use these parameters' }));
    fireEvent.click(within(card).getByRole('button', { name: 'Promote this trial…' }));

    expect(model.parameters).toEqual({ depth: 1 });
    expect(executed).toEqual([[CommandIDs.open, { tab: 'models' }]]);
  });

  it('tells why a trial failed, which cannot be promoted', async () => {
    open(answers);
    fireEvent.click(await screen.findByRole('button', { name: /best loss/ }));

    const table = await screen.findByRole('table', { name: 'Trials' });
    fireEvent.click(within(table).getByRole('button', { name: /^3/ }));
    const card = screen.getByRole('region', { name: 'Trial 3' });

    expect(card.textContent).toContain('ValueError: bad');
    const promote = within(card).getByRole('button', { name: 'Promote this trial…' });
    expect((promote as HTMLButtonElement).disabled).toBe(true);
  });

  it('sorts its trials by a column', async () => {
    open(answers);
    fireEvent.click(await screen.findByRole('button', { name: /best loss/ }));
    const table = await screen.findByRole('table', { name: 'Trials' });
    const first = (): string =>
      within(table).getAllByRole('row')[1].textContent?.replace(/\D.*/, '') ?? '';

    expect(first()).toBe('3');
    fireEvent.click(within(table).getByRole('button', { name: 'loss' }));

    expect(first()).toBe('2');
    expect(
      within(table).getByRole('columnheader', { name: 'loss' }).getAttribute('aria-sort')
    ).toBe('ascending');
  });

  it('goes on where it was stopped, and repeats what failed', async () => {
    const { asked } = open({ ...answers, 'POST sweeps': new Refusal(409, 'busy') });
    fireEvent.click(await screen.findByRole('button', { name: /best loss/ }));

    fireEvent.click(await screen.findByRole('button', { name: 'Go on with it' }));
    await screen.findByText('busy');
    fireEvent.click(screen.getByRole('button', { name: 'Repeat the failed trial' }));

    await waitFor(() =>
      expect(asked.filter(one => one.method === 'POST').map(one => one.body)).toEqual([
        { path: 'n.ipynb', resume: 's1', retry_failed: false, direction: 'minimize' },
        { path: 'n.ipynb', resume: 's1', retry_failed: true, direction: 'minimize' }
      ])
    );
  });

  it('follows its job: trials as they end, and can be stopped', async () => {
    const going = job('j1', { sweep: 's1' });
    const { model, asked, say } = open({
      'GET sweeps': [INFO],
      'GET sweeps/s1': sweep({ status: 'running', finished: null, trials: [trial(0)] }),
      'GET jobs/j1': { job: going, events: [] },
      'DELETE jobs/j1': { ...going, status: 'cancelled' }
    });
    await act(async () => {
      model.jobs.add(going);
      await new Promise(resolve => setTimeout(resolve, 50));
    });
    fireEvent.click(await screen.findByRole('button', { name: /best loss/ }));
    expect(await screen.findByText('1 of 4 trials')).toBeTruthy();

    act(() => {
      say('j1', 0, { event: 'sweep-started', sweep: 's1' });
      say('j1', 1, { event: 'trial', number: 1, status: 'done', metrics: { loss: -1 }, tasks: {} });
    });
    expect(await screen.findByText('2 of 4 trials')).toBeTruthy();
    expect(screen.getByText('best loss -1')).toBeTruthy();
    expect(screen.getByRole('progressbar').getAttribute('value')).toBe('2');
    fireEvent.click(screen.getByRole('button', { name: 'Stop' }));

    await waitFor(() => expect(asked.some(one => one.method === 'DELETE')).toBe(true));
  });
});
