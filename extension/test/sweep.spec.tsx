import { describe, expect, it } from 'vitest';

import { fieldOf, readField } from '../src/sweep/fields';
import type { IField } from '../src/sweep/fields';
import { bestOf, countEnded, mergeTrials, reuse, sortTrials, sweepIdOf } from '../src/sweep/live';
import { choiceOf, directionOf, readForm, sizeOf } from '../src/sweep/request';
import type { IChoice } from '../src/sweep/request';
import { axesOf, axisOf, historyOf, parallelSpec } from '../src/sweep/specs';
import { choicesText, readValue, splitChoices, textOf } from '../src/sweep/values';
import type { JobEvent, Parameter } from '../src/types';
import { ANALYSIS, parameter, PATH, sweep, trans, trial } from './panelmodel';

describe('values', () => {
  it('splits choices at commas outside of brackets and quotes', () => {
    expect(splitChoices('1, 2,4 ,')).toEqual(['1', '2', '4']);
    expect(splitChoices('[1, 2], [3]')).toEqual(['[1, 2]', '[3]']);
    expect(splitChoices('"a, b", it\'s')).toEqual(['"a, b"', "it's"]);
  });

  it.each([
    [[1, 0.5], 'float'],
    [['a, b', 'c'], 'str'],
    [[true, false], 'bool'],
    [[[1, 2], [3]], 'list']
  ])('reads %j as it was shown', (values, type) => {
    const read = splitChoices(choicesText(values)).map(one => readValue(one, type, false, trans));

    expect(read).toEqual(values.map(value => ({ value })));
  });

  it('says what is wrong with a value', () => {
    expect(readValue('x', 'int', false, trans)).toEqual({ error: 'x is no number' });
    expect(readValue('1.5', 'int', false, trans)).toHaveProperty('error');
    expect(readValue('', 'float', false, trans)).toEqual({ error: 'Give a number' });
    expect(readValue('maybe', 'bool', false, trans)).toEqual({ error: 'Write True or False' });
    expect(readValue('[1', 'list', false, trans)).toHaveProperty('error');
  });

  it('reads None only where it is a value, and tuples as Python writes them', () => {
    expect(readValue('None', 'int', true, trans)).toEqual({ value: null });
    expect(readValue('None', 'int', false, trans)).toHaveProperty('error');
    expect(readValue("(1, 'a', None)", 'tuple', false, trans)).toEqual({ value: [1, 'a', null] });
    expect(textOf(null)).toBe('None');
  });
});

describe('fields', () => {
  const lr = parameter('lr', 'float', 0.1, { low: 0.01, high: 1, log: true, step: null });
  const depth = parameter('depth', 'int', 4, [1, 2, 4]);

  it('begin with the space of pipelines.yaml', () => {
    expect(fieldOf(lr)).toMatchObject({
      how: 'range',
      low: '0.01',
      high: '1',
      log: true,
      step: ''
    });
    expect(fieldOf(depth)).toMatchObject({ how: 'choices', choices: '1, 2, 4' });
    expect(fieldOf(parameter('seed', 'int', 0))).toMatchObject({ how: 'fixed', fixed: '0' });
  });

  it('are read back to that space', () => {
    expect(readField(lr, fieldOf(lr), trans)).toEqual({
      space: { low: 0.01, high: 1, log: true },
      count: null,
      errors: {}
    });
    expect(readField(depth, fieldOf(depth), trans).space).toEqual([1, 2, 4]);
  });

  it('send a fixed value only where it is not the one that a run has anyway', () => {
    const seed = parameter('seed', 'int', 0);

    expect(readField(seed, fieldOf(seed), trans)).not.toHaveProperty('fixed');
    expect(readField(seed, fieldOf(seed, 7), trans).fixed).toBe(7);
  });

  const range = (more: Partial<IField>): IField => ({ ...fieldOf(depth), how: 'range', ...more });
  const read = (one: Parameter, more: Partial<IField>): ReturnType<typeof readField> =>
    readField(one, range(more), trans);

  it.each([
    [depth, { low: '1', high: '9' }, 9],
    [depth, { low: '1', high: '9', step: '3' }, 3],
    [lr, { low: '0', high: '1', step: '0.1' }, 11],
    [lr, { low: '0', high: '1' }, null],
    [depth, { low: '1', high: '8', log: true }, null]
  ])('count what a grid tries of %o', (one, more, count) => {
    expect(read(one, more)).toMatchObject({ count, errors: {} });
  });

  it.each([
    [{ low: 'a', high: '2' }, 'low', 'a is no number'],
    [{ low: '3', high: '3' }, 'high', 'It has to be above 3'],
    [{ low: '0', high: '3', log: true }, 'low', 'A logarithmic range begins above 0'],
    [{ low: '1', high: '3', log: true, step: '1' }, 'step', 'A logarithmic range has no step'],
    [{ low: '1', high: '3', step: '-1' }, 'step', 'It has to be above 0'],
    [{ low: '1', high: '2.5' }, 'high', 'This parameter is a whole number']
  ])('say what is wrong with the range %o', (more, part, message) => {
    expect(read(depth, more).errors).toMatchObject({ [part]: message });
  });

  it('refuse choices that are listed twice, or none', () => {
    const choices = (text: string): unknown =>
      readField(depth, { ...fieldOf(depth), choices: text }, trans).errors.choices;

    expect(choices('1, 2, 1')).toBe('1 is listed twice');
    expect(choices(' , ')).toContain('commas');
    expect(choices('1, x')).toBe('x: x is no number');
  });
});

describe('sizeOf', () => {
  it('multiplies a grid and cuts it at the trials', () => {
    expect(sizeOf([3, 4], 'grid', null)).toEqual({ method: 'grid', trials: 12, grid: 12 });
    expect(sizeOf([3, 4], 'grid', 5)).toEqual({ method: 'grid', trials: 5, grid: 12 });
  });

  it('cannot count a grid over a range without steps', () => {
    expect(sizeOf([3, null], 'grid', 5)).toBeNull();
  });

  it('chooses a grid where all of it fits', () => {
    expect(sizeOf([4, 5], 'auto', null)).toMatchObject({ method: 'grid', trials: 20 });
    expect(sizeOf([3, 7], 'auto', null)).toMatchObject({ method: 'tpe', trials: 20 });
    expect(sizeOf([null], 'auto', 6)).toMatchObject({ method: 'tpe', trials: 6 });
  });
});

describe('readForm', () => {
  const analysis = {
    ...ANALYSIS,
    parameters: [parameter('depth', 'int', 4, [1, 2]), parameter('lr', 'float', 0.1)],
    metrics: ['loss', 'f1']
  };
  const fields = Object.fromEntries(analysis.parameters.map(one => [one.name, fieldOf(one)]));
  const form = (more: Partial<IChoice> = {}, change: Record<string, Partial<IField>> = {}) =>
    readForm(
      PATH,
      analysis,
      Object.fromEntries(
        Object.entries(fields).map(([name, one]) => [name, { ...one, ...change[name] }])
      ),
      { ...choiceOf(analysis), ...more },
      trans
    );

  it('makes what the server is sent', () => {
    expect(form({ trials: '2' }, { lr: { fixed: '0.5' } }).options).toEqual({
      path: PATH,
      space: { depth: [1, 2] },
      fixed: { lr: 0.5 },
      search: null,
      trials: 2,
      parallel: 1,
      metric: 'loss',
      direction: 'minimize'
    });
  });

  it('says beside each field what is missing, and sends nothing then', () => {
    const bad = form({ trials: '0', parallel: 'x', metric: 'gone' }, { depth: { how: 'fixed' } });

    expect(Object.keys(bad.errors).sort()).toEqual(['metric', 'parallel', 'space', 'trials']);
    expect(bad.options).toBeNull();
  });

  it('names the parameters that a grid cannot count', () => {
    const bad = form({ method: 'grid' }, { lr: { how: 'range', low: '0.1', high: '1' } });

    expect(bad.errors.method).toContain('the values of lr:');
    expect(bad.options).toBeNull();
  });

  it('knows from its name which way a metric is better', () => {
    expect(directionOf('val_loss')).toBe('minimize');
    expect(directionOf('glossary')).toBe('maximize');
  });
});

describe('a sweep under way', () => {
  const event = (number: number, data: Record<string, unknown>): JobEvent => ({
    job: 'j',
    kind: 'sweep',
    path: PATH,
    number,
    data: { event: 'trial', ...data }
  });

  it('takes trials from events, and never has one that has ended begin again', () => {
    const events = [
      event(0, { number: 0, status: 'running', parameters: { depth: 1 } }),
      event(1, { number: 1, status: 'running', parameters: { depth: 2 } }),
      event(2, { number: 1, status: 'done', parameters: { depth: 2 }, metrics: { loss: 0.5 } })
    ];

    const merged = mergeTrials([trial(0)], events);

    expect(merged.map(one => [one.number, one.status])).toEqual([
      [0, 'done'],
      [1, 'done']
    ]);
    expect(merged[1].metrics).toEqual({ loss: 0.5 });
  });

  it('is named by its first event', () => {
    expect(sweepIdOf([])).toBeNull();
    expect(sweepIdOf([event(0, { event: 'sweep-started', sweep: 's9' })])).toBe('s9');
  });

  it('has the best trial by the direction, without those that have no value', () => {
    const trials = [
      trial(1),
      trial(2),
      trial(3, { metrics: {} }),
      trial(4, { metrics: { loss: null } })
    ];

    expect(bestOf(trials, 'loss', 'minimize')?.number).toBe(1);
    expect(bestOf(trials, 'loss', 'maximize')?.number).toBe(2);
    expect(bestOf(trials.slice(2), 'loss', 'minimize')).toBeNull();
  });

  it('does not count trials that were stopped, which are made up for', () => {
    const states = ['done', 'failed', 'cancelled', 'lost', 'running'] as const;

    expect(countEnded(states.map((status, index) => trial(index, { status })))).toBe(2);
  });

  it('counts the tasks that others had done', () => {
    expect(reuse([trial(0, { tasks: { cached: 3, done: 1 } }), trial(1)])).toEqual({
      reused: 3,
      total: 6
    });
  });

  it('sorts by any column, unknown values last either way', () => {
    const trials = [trial(2), trial(0, { metrics: {} }), trial(1)];
    const order = (key: string, way: 'asc' | 'desc'): number[] =>
      sortTrials(trials, key, way).map(one => one.number);

    expect(order('number', 'desc')).toEqual([2, 1, 0]);
    expect(order('metric:loss', 'asc')).toEqual([1, 2, 0]);
    expect(order('metric:loss', 'desc')).toEqual([2, 1, 0]);
  });
});

describe('charts', () => {
  it('follow the best so far', () => {
    const values = [3, 5, 2].map((loss, index) => trial(index, { metrics: { loss } }));

    expect(historyOf(values, 'loss', 'minimize').map(one => one.best)).toEqual([3, 3, 2]);
    expect(historyOf(values, 'loss', 'maximize').map(one => one.best)).toEqual([3, 5, 5]);
  });

  it('place numbers between the ends of an axis, by their exponent on a logarithmic one', () => {
    const axis = axisOf('lr', [0.01, 0.1, 1], true);

    expect(axis.at(0.01)).toBe(0);
    expect(axis.at(0.1)).toBeCloseTo(0.5);
    expect(axis.ticks.map(one => one.label)).toEqual(['0.01', '1']);
  });

  it('place other values evenly, and a single one in the middle', () => {
    expect(axisOf('kind', ['a', 'c', 'b'], false).ticks).toEqual([
      { at: 0, label: 'a' },
      { at: 0.5, label: 'b' },
      { at: 1, label: 'c' }
    ]);
    expect(axisOf('kind', [7], false).at(7)).toBe(0.5);
  });

  it('draw a line for each trial with a metric, through all axes', () => {
    const trials = [trial(1), trial(2), trial(3, { metrics: {} })];
    const axes = axesOf(trials, sweep());
    const colours = { text: '', grid: '', accent: 'blue', quiet: 'gray', good: '', font: '' };

    const spec = parallelSpec(trials, axes, { metric: 'loss', best: 1 }, { trial: 't' }, colours);

    expect(axes.map(one => one.name)).toEqual(['depth', 'loss']);
    expect((spec.data as { values: unknown[] }).values).toHaveLength(4);
  });
});
