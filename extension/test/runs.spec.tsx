import { describe, expect, it } from 'vitest';

import { columnsOf, namesOf, NEWEST, sorted } from '../src/runs/columns';
import { changesOf, differ, letterOf, partsOf } from '../src/runs/compare';
import { diffLines } from '../src/runs/diff';
import { PAGE, pagesOf } from '../src/runs/pages';
import { run, trans } from './panelmodel';

describe('columnsOf', () => {
  it('has metrics in the order of the notebook, the time, then parameters', () => {
    const runs = [
      run('a', { metrics: { other: 1, f1: 0.5 } }),
      run('b', { parameters: { lr: 0.1 } })
    ];

    const columns = columnsOf(runs, ['f1', 'gone'], ['lr', 'depth'], trans);

    expect(columns.map(one => one.key)).toEqual([
      'metric:f1',
      'metric:other',
      'metric:accuracy',
      'seconds',
      'parameter:lr',
      'parameter:depth'
    ]);
  });

  it('shows four digits of a metric, and nothing for a parameter that a run lacks', () => {
    const runs = [run('a', { metrics: { f1: 0.123456 } }), run('b', { parameters: {} })];
    const columns = columnsOf(runs, [], [], trans);
    const text = (key: string, index: number): string | undefined =>
      columns.find(one => one.key === key)?.text(runs[index]);

    expect(text('metric:f1', 0)).toBe('0.1235');
    expect(text('metric:f1', 1)).toBe('–');
    expect(text('parameter:depth', 1)).toBe('');
  });

  it('keeps the names that no run has out', () => {
    expect(namesOf([run('a')], one => one.metrics, ['f1', 'accuracy'])).toEqual(['accuracy']);
  });
});

describe('sorted', () => {
  it('turns the order of the same column around and begins a metric with the highest', () => {
    expect(sorted(NEWEST, 'created')).toEqual({ key: 'created', order: 'asc' });
    expect(sorted(NEWEST, 'metric:f1')).toEqual({ key: 'metric:f1', order: 'desc' });
    expect(sorted(NEWEST, 'parameter:lr')).toEqual({ key: 'parameter:lr', order: 'asc' });
  });
});

describe('pagesOf', () => {
  it('names every page that a stretch of the list touches', () => {
    expect(pagesOf(0, PAGE - 1)).toEqual([0]);
    expect(pagesOf(PAGE - 1, 2 * PAGE)).toEqual([0, 1, 2]);
    expect(pagesOf(-5, 3)).toEqual([0]);
  });
});

describe('diffLines', () => {
  it('tells added from removed lines and leaves out the names of the files', () => {
    const diff = '--- a\n+++ b\n@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3\n';

    expect(diffLines(diff)).toEqual([
      { kind: 'place', text: '@@ -1,2 +1,2 @@' },
      { kind: 'same', text: ' x = 1' },
      { kind: 'removed', text: '-y = 2' },
      { kind: 'added', text: '+y = 3' }
    ]);
  });

  it('takes a removed line that looks like a file name for what it is', () => {
    expect(diffLines('@@ -1 +0,0 @@\n--- x').map(one => one.kind)).toEqual(['place', 'removed']);
  });
});

describe('partsOf', () => {
  it('puts what differs first', () => {
    const comparison = {
      runs: [run('a'), run('b')],
      parameters: { seed: [0, 0], depth: [1, [1]], name: ['x', null] },
      metrics: { f1: [0.5, null] },
      tasks: { train: ['done', 'cached'] },
      code: []
    };

    const parts = partsOf(comparison, state => state.toUpperCase());

    expect(parts.parameters).toEqual([
      { name: 'depth', cells: ['1', '[1]'], differs: true },
      { name: 'name', cells: ['x', '–'], differs: true },
      { name: 'seed', cells: ['0', '0'], differs: false }
    ]);
    expect(parts.metrics[0].cells).toEqual(['0.5', '–']);
    expect(parts.tasks[0].cells).toEqual(['DONE', 'CACHED']);
  });

  it('takes equal lists for the same', () => {
    expect(
      differ([
        [1, 2],
        [1, 2]
      ])
    ).toBe(false);
    expect(differ([1, '1'])).toBe(true);
  });
});

describe('changesOf', () => {
  it('shows a change once for all runs that share it', () => {
    const code = [
      { task: 'train', run: 'b', diff: '+x' },
      { task: 'train', run: 'c', diff: '+x' },
      { task: 'load', run: 'c', diff: '+x' }
    ];

    expect(changesOf(code, ['a', 'b', 'c'])).toEqual([
      { task: 'train', diff: '+x', runs: [1, 2] },
      { task: 'load', diff: '+x', runs: [2] }
    ]);
    expect([0, 25, 26].map(letterOf)).toEqual(['A', 'Z', '27']);
  });
});
