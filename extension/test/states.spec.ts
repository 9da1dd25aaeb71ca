import { describe, expect, it } from 'vitest';

import type { IRunProgress } from '../src/run/progress';
import { taskStates } from '../src/states';
import type { ISources } from '../src/states';
import type { Analysis, RunDetail, TaskPlan } from '../src/types';

const analysis = {
  tasks: [
    { name: 'load', upstream: [], code: '1' },
    { name: 'train', upstream: ['load'], code: '2' },
    { name: 'show', upstream: ['train'], code: '3' }
  ]
} as unknown as Analysis;

function plan(...actions: string[]): TaskPlan[] {
  return analysis.tasks.map(({ name }, index) => ({
    name,
    action: actions[index] as TaskPlan['action'],
    reason: `${actions[index]} it`,
    cached_from: null
  }));
}

function run(...statuses: string[]): RunDetail {
  const tasks = analysis.tasks.slice(0, statuses.length).map(({ name }, index) => ({
    task: name,
    status: statuses[index],
    reason: 'because',
    seconds: 2,
    cached_from: null,
    error: null
  }));
  return { run: { id: 'r1' }, tasks } as unknown as RunDetail;
}

function statesOf(sources: Partial<ISources>): Record<string, string> {
  const states = taskStates({
    analysis,
    progress: null,
    lastRun: null,
    plan: null,
    planned: new Map(),
    ...sources
  });
  return Object.fromEntries([...states].map(([name, { state }]) => [name, state]));
}

const asPlanned = new Map([
  ['load', '1'],
  ['train', '2'],
  ['show', '3']
]);

describe('taskStates', () => {
  it('says nothing before anything is known', () => {
    expect(statesOf({})).toEqual({});
  });

  it('says what has never run', () => {
    expect(statesOf({ plan: plan('run', 'unknown', 'unknown') })).toEqual({
      load: 'new',
      train: 'new',
      show: 'new'
    });
  });

  it('tells the last run where the plan has nothing to do', () => {
    const states = statesOf({
      lastRun: run('done', 'cached', 'done'),
      plan: plan('cached', 'cached', 'cached')
    });
    expect(states).toEqual({ load: 'done', train: 'cached', show: 'done' });
  });

  it('says what is out of date, and why', () => {
    const sources = {
      lastRun: run('done', 'done', 'done'),
      plan: plan('cached', 'run', 'unknown')
    };
    expect(statesOf(sources)).toEqual({ load: 'done', train: 'outdated', show: 'outdated' });
    const states = taskStates({ analysis, progress: null, planned: asPlanned, ...sources });
    expect(states.get('train')?.reason).toBe('run it');
  });

  it('sees at once that code was edited, and what that concerns', () => {
    const edited = {
      ...analysis,
      tasks: analysis.tasks.map(task => (task.name === 'train' ? { ...task, code: 'x' } : task))
    };
    const states = taskStates({
      analysis: edited,
      progress: null,
      lastRun: run('done', 'done', 'done'),
      plan: plan('cached', 'cached', 'cached'),
      planned: asPlanned
    });
    expect([...states.values()].map(one => [one.state, one.reason])).toEqual([
      ['done', 'because'],
      ['outdated', 'its code was edited'],
      ['outdated', 'train was edited']
    ]);
  });

  it('keeps a failure until its task has run again', () => {
    expect(
      statesOf({
        lastRun: run('done', 'failed', 'skipped'),
        plan: plan('cached', 'run', 'unknown')
      })
    ).toEqual({ load: 'done', train: 'failed', show: 'skipped' });
  });

  it('takes a failed task for cached when its code is what it was before', () => {
    expect(
      statesOf({ lastRun: run('done', 'failed', 'skipped'), plan: plan('cached', 'cached', 'run') })
    ).toEqual({ load: 'done', train: 'cached', show: 'skipped' });
  });

  it('follows the run under way, whatever was planned before', () => {
    const tasks = new Map([
      [
        'load',
        {
          name: 'load',
          state: 'done',
          seconds: 1,
          reason: '',
          error: null,
          cell: 2,
          index: 0,
          total: 1,
          cachedFrom: null
        }
      ],
      [
        'train',
        {
          name: 'train',
          state: 'running',
          seconds: null,
          reason: '',
          error: null,
          cell: 5,
          index: 1,
          total: 4,
          cachedFrom: null
        }
      ]
    ]);
    const progress = { run: 'r2', tasks } as unknown as IRunProgress;
    const states = taskStates({
      analysis,
      progress,
      lastRun: run('failed', 'failed', 'failed'),
      plan: plan('run', 'run', 'run'),
      planned: asPlanned
    });
    expect(states.get('load')).toMatchObject({ state: 'done', cell: null, run: 'r2' });
    expect(states.get('train')).toMatchObject({ state: 'running', cell: 5, done: 1, total: 4 });
  });

  it('follows a run that was started elsewhere by its record', () => {
    const lastRun = run('done');
    Object.assign(lastRun.run, { status: 'running' });
    expect(statesOf({ lastRun, plan: plan('cached', 'cached', 'run') })).toEqual({
      load: 'done',
      train: 'pending',
      show: 'pending'
    });
  });
});
