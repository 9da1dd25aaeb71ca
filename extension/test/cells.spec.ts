import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { COLORS, taskColors } from '../src/cells/colors';
import { cellLooks } from '../src/cells/marks';
import type { IMarkSources } from '../src/cells/marks';
import type { ITaskState } from '../src/states';
import type { ITaggedCell } from '../src/tags';

const trans = nullTranslator.load('nbprod');

function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5]
    .map(at => parseInt(color.slice(at, at + 2), 16) / 255)
    .map(one => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

function cells(...tags: string[]): ITaggedCell[] {
  return tags.map((text, index) => ({
    id: `c${index + 1}`,
    isCode: text !== '#',
    tags: text.split(' ').filter(tag => tag && tag !== '#')
  }));
}

function looks(sources: Partial<IMarkSources>): ReturnType<typeof cellLooks> {
  return cellLooks({
    cells: [],
    analysis: null,
    states: new Map(),
    executing: null,
    trans,
    choices: {
      chips: 'every cell',
      bars: true,
      saveBeforeRunning: true,
      notify: true,
      parallel: 0
    },
    ...sources
  });
}

function state(name: string, more: Partial<ITaskState> = {}): ITaskState {
  const none = { seconds: null, reason: '', error: null, run: null, cell: null, done: 0, total: 0 };
  return { ...none, state: name, ...more };
}

describe('colours of tasks', () => {
  it('stand out from every theme by 3:1', () => {
    for (const color of COLORS) {
      for (const background of ['#ffffff', '#111111', '#000000', '#eeeeee', '#212121']) {
        expect(contrast(color, background), `${color} on ${background}`).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it('are the same in every notebook, and differ within one', () => {
    const here = taskColors(['train']);
    const there = taskColors(['other', 'train', 'load']);
    expect(here.get('train')).toBe(there.get('train'));
    const many = [
      ...taskColors(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l']).values()
    ];
    expect(new Set(many).size).toBe(12);
    expect(taskColors(Array.from({ length: 40 }, (_, one) => `t${one}`)).size).toBe(40);
  });
});

describe('cellLooks', () => {
  it('shows nothing in a notebook without tags', () => {
    expect(looks({ cells: cells('', '#', '') }).size).toBe(0);
  });

  it('names the task at each cell, and its state where it begins', () => {
    const found = looks({
      cells: cells('task:a', '', 'task:b metrics'),
      states: new Map([
        ['a', state('done', { seconds: 2.14 })],
        ['b', state('running', { done: 1, total: 3 })]
      ])
    });
    expect([...found.values()].map(one => one.chip)).toEqual([
      'a  ·  ✓ done 2.1 s',
      'a',
      'b  ·  ◐ running 2/3  ·  metrics'
    ]);
    expect([...found.values()].map(one => one.kind)).toEqual(['first', 'more', 'first']);
  });

  it('says the state of a task once, though it has cells in several places', () => {
    const found = looks({
      cells: cells('task:a', 'task:b', 'task:a'),
      states: new Map([['a', state('failed')]])
    });
    expect([...found.values()].map(one => one.chip)).toEqual(['a  ·  ✕ failed', 'b', 'a']);
  });

  it('has a bar without a break through the text between cells of a task', () => {
    const found = looks({ cells: cells('task:a', '#', '#', '', '#', 'task:b', '#') });
    expect(
      [...found]
        .filter(([, look]) => look.hasBar)
        .map(([id]) => id)
        .sort()
    ).toEqual(['c1', 'c2', 'c3', 'c4', 'c6']);
    expect(found.get('c2')?.chip).toBe('');
  });

  it('marks roles outside of tasks, and skipped cells', () => {
    const found = looks({ cells: cells('imports', 'task:a', 'skip', '') });
    expect([...found.values()].map(one => [one.chip, one.hasBar, one.isSkipped])).toEqual([
      ['imports', false, false],
      ['a', true, false],
      ['skipped', false, true],
      ['a', true, false]
    ]);
  });

  it('shows what the settings say', () => {
    const choices = { bars: false, saveBeforeRunning: true, notify: true, parallel: 0 };
    const some = looks({
      cells: cells('task:a', ''),
      choices: { ...choices, chips: 'first cell of a task' }
    });
    expect([...some.values()].map(one => [one.chip, one.hasBar])).toEqual([
      ['a', false],
      ['', false]
    ]);
    const none = looks({ cells: cells('task:a'), choices: { ...choices, chips: 'none' } });
    expect(none.get('c1')?.chip).toBe('');
  });

  it('marks the cell that is being executed', () => {
    const found = looks({ cells: cells('task:a', ''), executing: 'c2' });
    expect([...found.values()].map(one => one.isExecuting)).toEqual([false, true]);
  });

  it('takes 1,000 cells in a few milliseconds', () => {
    const many = cells(
      ...Array.from({ length: 1000 }, (_, one) => (one % 10 ? '' : `task:t${one}`))
    );
    const start = performance.now();
    expect(looks({ cells: many }).size).toBe(1000);
    expect(performance.now() - start).toBeLessThan(200);
  });
});
